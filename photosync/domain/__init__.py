"""The pure middle: values in, values out; the standard library only."""
