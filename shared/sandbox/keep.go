package sandbox

import (
	"fmt"
	"time"

	"go.etcd.io/bbolt"
)

// Keep is where a sandbox writes what must survive a restart. A sandbox writes through before it answers. Keys are text with
// "/" between their parts. A nil Keep means memory only.
type Keep interface {
	Put(key string, value []byte) error
	Delete(key string) error
	// Each calls f with every pair, in key order, until f returns an error. The slices are f's to keep.
	Each(f func(key string, value []byte) error) error
}

// BulkKeep is a Keep that writes many pairs all or nothing. A key in both lists is deleted.
type BulkKeep interface {
	Keep
	Write(puts map[string][]byte, deletes []string) error
}

// Save writes puts and deletes to k, together where k can. A nil k keeps nothing.
func Save(k Keep, puts map[string][]byte, deletes []string) error {
	if k == nil || len(puts)+len(deletes) == 0 {
		return nil
	}
	if b, ok := k.(BulkKeep); ok {
		return b.Write(puts, deletes)
	}
	for key, v := range puts {
		if err := k.Put(key, v); err != nil {
			return err
		}
	}
	for _, key := range deletes {
		if err := k.Delete(key); err != nil {
			return err
		}
	}
	return nil
}

// File is a Keep in one file. It survives the end of its process at any moment. It is not synced to the disk at every write,
// because a stand-in need not survive the end of the machine.
type File struct{ db *bbolt.DB }

var fileBucket = []byte("sandbox")

// OpenFile opens or makes the file at path. It fails when another process has it open.
func OpenFile(path string) (*File, error) {
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{Timeout: 2 * time.Second, NoSync: true, NoFreelistSync: true, FreelistType: bbolt.FreelistMapType})
	if err != nil {
		return nil, fmt.Errorf("open the sandbox file %s: %w (is another process using it?)", path, err)
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		_, err := tx.CreateBucketIfNotExists(fileBucket)
		return err
	})
	if err != nil {
		_ = db.Close()
		return nil, fmt.Errorf("prepare the sandbox file %s: %w", path, err)
	}
	return &File{db: db}, nil
}

// Close syncs and closes the file.
func (f *File) Close() error {
	if err := f.db.Sync(); err != nil {
		_ = f.db.Close()
		return err
	}
	return f.db.Close()
}

// Put stores one pair.
func (f *File) Put(key string, value []byte) error {
	return f.Write(map[string][]byte{key: value}, nil)
}

// Delete removes one pair; a key that is absent is no error.
func (f *File) Delete(key string) error { return f.Write(nil, []string{key}) }

// Write stores puts and removes deletes in one transaction.
func (f *File) Write(puts map[string][]byte, deletes []string) error {
	return f.db.Update(func(tx *bbolt.Tx) error {
		b := tx.Bucket(fileBucket)
		for k, v := range puts {
			if err := b.Put([]byte(k), v); err != nil {
				return err
			}
		}
		for _, k := range deletes {
			if err := b.Delete([]byte(k)); err != nil {
				return err
			}
		}
		return nil
	})
}

// Each calls fn with every pair in key order.
func (f *File) Each(fn func(key string, value []byte) error) error {
	return f.db.View(func(tx *bbolt.Tx) error {
		return tx.Bucket(fileBucket).ForEach(func(k, v []byte) error {
			return fn(string(k), append([]byte(nil), v...))
		})
	})
}
