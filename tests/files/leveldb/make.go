package main

import (
	"fmt"
	"os"

	"github.com/syndtr/goleveldb/leveldb"
	"github.com/syndtr/goleveldb/leveldb/opt"
	"github.com/syndtr/goleveldb/leveldb/util"
)

func open(dir string, o *opt.Options) *leveldb.DB {
	db, err := leveldb.OpenFile(dir, o)
	if err != nil {
		panic(err)
	}
	return db
}

func put(db *leveldb.DB, key, value string) {
	if err := db.Put([]byte(key), []byte(value), nil); err != nil {
		panic(err)
	}
}

func name(i int) string { return fmt.Sprintf("/home/anna/Pictures/2023/%02d/IMG_%05d.jpg", i%12+1, i) }

func main() {
	dir := os.Args[1]
	small := &opt.Options{WriteBuffer: 16 << 10, CompactionTableSize: 16 << 10}
	// first life: enough to fill tables on two levels
	db := open(dir, small)
	for i := 0; i < 1500; i++ {
		put(db, name(i), fmt.Sprintf("%d|%d", 1600000000+i, 1000000+i))
	}
	for i := 0; i < 1500; i += 3 {
		put(db, name(i), fmt.Sprintf("%d|%d", int64(1700000000000000000)+int64(i), 2000000+i))
	}
	if err := db.CompactRange(util.Range{}); err != nil {
		panic(err)
	}
	for i := 0; i < 1500; i += 7 {
		if err := db.Delete([]byte(name(i)), nil); err != nil {
			panic(err)
		}
	}
	db.Close()
	// second life, default options: what is new stays in the journal
	db = open(dir, nil)
	put(db, name(7), "4242") // back again, a version that kept no time
	put(db, "/home/anna/Bilder/\xfcber.jpg", "1700000000000000001|77")
	put(db, "relative/a.jpg", "1700000000000000001|78")
	batch := new(leveldb.Batch)
	batch.Put([]byte("/batch/1.jpg"), []byte("1|1"))
	batch.Put([]byte("/batch/2.jpg"), []byte("2|2"))
	batch.Delete([]byte("/batch/1.jpg"))
	if err := db.Write(batch, nil); err != nil {
		panic(err)
	}
	// a record longer than a block of the journal
	long := make([]byte, 70000)
	for i := range long {
		long[i] = byte('a' + i%26)
	}
	put(db, "/long.jpg", string(long))
	db.Close()
}
