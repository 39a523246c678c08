"""Google: sign-in, requests, the upload protocol, the library."""
