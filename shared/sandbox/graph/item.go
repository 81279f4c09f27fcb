package graph

import (
	"cmp"
	"slices"
	"strings"
)

// prop is one property that has a value, as it is answered.
type prop struct {
	kind kind
	raw  string
}

// The reasons of @removed.
const (
	reasonDeleted = "deleted"
	reasonChanged = "changed"
)

// place is what an item's presence in one folder was last.
type place struct {
	folder uint64
	pos    uint64 // seq of its last arrival there
	seq    uint64 // of its newest entry in the folder's log
	shown  uint64 // of its newest entry that delta may show; 0 if there is none
	gone   string // reason of @removed, or "" while the item is there
	at     int64  // Unix milliseconds from when delta may show seq
}

// item is a contact, or the trace of one.
type item struct {
	id       uint64
	folder   uint64 // 0 once it is deleted
	pos      uint64 // seq of its arrival in the folder
	seq      uint64 // of its last change; the change key
	created  int64  // Unix seconds
	modified int64
	props    []prop // by kind; kept after a deletion until delta shows that
	ext      map[string]string
	photo    *photo
	places   []*place
}

func (it *item) deleted() bool { return it.folder == 0 }

func (it *item) raw(k kind) string {
	i, ok := slices.BinarySearchFunc(it.props, k, func(p prop, k kind) int { return cmp.Compare(p.kind, k) })
	if !ok {
		return ""
	}
	return it.props[i].raw
}

// with returns props with the value of k replaced; "" takes it out. props itself is not changed.
func with(props []prop, k kind, raw string) []prop {
	i, ok := slices.BinarySearchFunc(props, k, func(p prop, k kind) int { return cmp.Compare(p.kind, k) })
	out := slices.Clone(props)
	switch {
	case ok && raw == "":
		return slices.Delete(out, i, i+1)
	case ok:
		out[i].raw = raw
		return out
	case raw == "":
		return out
	}
	return slices.Insert(out, i, prop{k, raw})
}

// place returns the item's place in a folder, or nil if it never was there.
func (it *item) place(folder uint64) *place {
	for _, p := range it.places {
		if p.folder == folder {
			return p
		}
	}
	return nil
}

// extKey is the form in which ids of extended properties are compared: the GUID has no case, the name has.
func extKey(id string) string {
	if open, end := strings.IndexByte(id, '{'), strings.IndexByte(id, '}'); open >= 0 && end > open {
		return id[:open] + strings.ToLower(id[open:end]) + id[end:]
	}
	return id
}
