package sandbox

import (
	"encoding/json"
	"maps"
	"slices"
)

// Draft notes what Keep is to hold, until Save writes all of it together. Without a Keep it notes nothing. It has no lock of its own.
type Draft struct {
	Keep Keep

	puts    map[string][]byte
	deletes map[string]bool
}

// Put notes that key is to be kept.
func (d *Draft) Put(key string, value []byte) {
	if d.Keep == nil {
		return
	}
	if d.puts == nil {
		d.puts = map[string][]byte{}
	}
	d.puts[key] = value
	delete(d.deletes, key)
}

// PutJSON is Put for what marshals, as the stand-ins' own structs do.
func (d *Draft) PutJSON(key string, v any) {
	if d.Keep == nil {
		return
	}
	if b, err := json.Marshal(v); err == nil {
		d.Put(key, b)
	}
}

// Drop notes that key is to be kept no more.
func (d *Draft) Drop(key string) {
	if d.Keep == nil {
		return
	}
	if d.deletes == nil {
		d.deletes = map[string]bool{}
	}
	delete(d.puts, key)
	d.deletes[key] = true
}

// Empty says whether nothing is noted.
func (d *Draft) Empty() bool { return len(d.puts)+len(d.deletes) == 0 }

// Save writes what was noted. What could not be written stays noted.
func (d *Draft) Save() error {
	if err := Save(d.Keep, d.puts, slices.Collect(maps.Keys(d.deletes))); err != nil {
		return err
	}
	clear(d.puts)
	clear(d.deletes)
	return nil
}
