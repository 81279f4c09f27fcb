package embedded

import (
	"sync/atomic"

	bolt "go.etcd.io/bbolt"
)

// The file is mapped into memory, and what was read of it counts as the process's own until the system needs the room. So that
// the size of the file does not decide the size of the process, the mapping is let go of from time to time; the system keeps the
// pages, and the next read finds them there.
const (
	// residentFile is how large a file may be to stay mapped whole.
	residentFile = 32 << 20
	// residentKeys is after how many keys the mapping is let go of: the page of one key brings in its neighbours, up to 64 KB.
	residentKeys = 512
	// residentBytes of one item count as a key.
	residentBytes = 64 << 10
)

type resident struct {
	db   *bolt.DB
	keys atomic.Int64
}

// touch counts keys, and the bytes that belong to them, as read.
func (r *resident) touch(keys, bytes int) {
	if r.keys.Add(int64(keys+bytes/residentBytes)) < residentKeys {
		return
	}
	r.keys.Store(0)
	// Inside a transaction the mapping stays where it is. If there can be none, the file is closed and nothing is mapped.
	_ = r.db.View(func(tx *bolt.Tx) error {
		if size := tx.Size(); size > residentFile {
			release(r.db.Info().Data, uintptr(size))
		}
		return nil
	})
}
