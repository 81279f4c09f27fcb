package plan

import (
	"encoding/binary"
	"errors"

	"meibo/shared/record"
)

// Element is what a base keeps of one value: keyed digests of its exact form, its comparison form and its label, and of each
// part where its type has parts.
type Element struct {
	Exact, Form uint64
	Label       uint32
	Parts       []uint64 // in the order of the pair's common parts
}

// FieldBase is what one side had in one field when the link was last synced.
type FieldBase struct {
	Key      record.Key
	Elements []Element
}

// Base is what one side had, field by field. A field that was unknown is absent.
type Base []FieldBase

// Find returns the elements of field k and whether the base has the field.
func (b Base) Find(k record.Key) ([]Element, bool) {
	for i := range b {
		if b[i].Key == k {
			return b[i].Elements, true
		}
	}
	return nil, false
}

const baseVersion = 1

// Encode returns b in a compact form.
func (b Base) Encode() []byte {
	out := make([]byte, 1, 32+len(b)*40)
	out[0] = baseVersion
	for _, f := range b {
		out = binary.AppendUvarint(out, uint64(len(f.Key)))
		out = append(out, f.Key...)
		out = binary.AppendUvarint(out, uint64(len(f.Elements)))
		for _, e := range f.Elements {
			out = binary.BigEndian.AppendUint64(out, e.Exact)
			out = binary.BigEndian.AppendUint64(out, e.Form)
			out = binary.BigEndian.AppendUint32(out, e.Label)
			out = append(out, byte(len(e.Parts)))
			for _, p := range e.Parts {
				out = binary.BigEndian.AppendUint64(out, p)
			}
		}
	}
	return out
}

// ErrBase says that a stored base cannot be read.
var ErrBase = errors.New("plan: a stored base is damaged")

// DecodeBase reads what Encode wrote; no bytes give no base.
func DecodeBase(in []byte) (Base, error) {
	if len(in) == 0 {
		return nil, nil
	}
	if in[0] != baseVersion {
		return nil, ErrBase
	}
	in = in[1:]
	b := make(Base, 0, 20)
	for len(in) > 0 {
		n, w := binary.Uvarint(in)
		if w <= 0 || uint64(len(in)-w) < n {
			return nil, ErrBase
		}
		f := FieldBase{Key: record.Key(in[w : w+int(n)])}
		in = in[w+int(n):]
		n, w = binary.Uvarint(in)
		if w <= 0 || n > uint64(len(in)) {
			return nil, ErrBase
		}
		in = in[w:]
		if n > 0 {
			f.Elements = make([]Element, n)
		}
		for i := range f.Elements {
			if len(in) < 21 || len(in) < 21+8*int(in[20]) {
				return nil, ErrBase
			}
			e := Element{Exact: binary.BigEndian.Uint64(in), Form: binary.BigEndian.Uint64(in[8:]), Label: binary.BigEndian.Uint32(in[16:])}
			parts := int(in[20])
			in = in[21:]
			for j := 0; j < parts; j++ {
				e.Parts = append(e.Parts, binary.BigEndian.Uint64(in[8*j:]))
			}
			in = in[8*parts:]
			f.Elements[i] = e
		}
		b = append(b, f)
	}
	return b, nil
}
