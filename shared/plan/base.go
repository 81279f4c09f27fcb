package plan

import (
	"encoding/binary"
	"errors"

	"meibo/shared/record"
)

// Element is what a base keeps of one value: keyed digests of its exact form, its comparison form and its label, and of each
// part where its type has parts.
type Element struct {
	Exact uint64
	// Form is the comparison form that both sides know the element by.
	Form  uint64
	Label uint32
	Parts []uint64 // in the order of the pair's common parts
	// Apart says that this side holds the element in another form than Form, because the other side could not take it or
	// the vendor stored something else than was sent.
	Apart bool
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

// The encoding: a version, then per field its key, its number of elements and these. An element is its digests, one byte with
// the number of its parts and the flag apart, and its parts.
const (
	baseVersion  = 1
	elementBytes = 21
	flagApart    = 0x80
	partsMask    = 0x7f
)

// Encode returns b in a compact form.
func (b Base) Encode() []byte {
	n := 1
	for _, f := range b {
		n += len(f.Key) + 4
		for _, e := range f.Elements {
			n += elementBytes + 8*len(e.Parts)
		}
	}
	out := append(make([]byte, 0, n), baseVersion)
	for _, f := range b {
		out = binary.AppendUvarint(out, uint64(len(f.Key)))
		out = append(out, f.Key...)
		out = binary.AppendUvarint(out, uint64(len(f.Elements)))
		for _, e := range f.Elements {
			out = binary.BigEndian.AppendUint64(out, e.Exact)
			out = binary.BigEndian.AppendUint64(out, e.Form)
			out = binary.BigEndian.AppendUint32(out, e.Label)
			parts := e.Parts[:min(len(e.Parts), partsMask)]
			flags := byte(len(parts))
			if e.Apart {
				flags |= flagApart
			}
			out = append(out, flags)
			for _, p := range parts {
				out = binary.BigEndian.AppendUint64(out, p)
			}
		}
	}
	return out
}

// ErrBase says that a stored base cannot be read.
var ErrBase = errors.New("plan: a stored base is damaged")

// DecodeBase reads what Encode wrote; no bytes give no base. The elements of all fields share one array, since a relist decodes
// hundreds of thousands of bases.
func DecodeBase(in []byte) (Base, error) {
	if len(in) == 0 {
		return nil, nil
	}
	if in[0] != baseVersion {
		return nil, ErrBase
	}
	fields, elements, parts, ok := measure(in[1:])
	if !ok {
		return nil, ErrBase
	}
	text := string(in) // the keys' one copy
	b := make(Base, 0, fields)
	es := make([]Element, 0, elements)
	ps := make([]uint64, 0, parts)
	for at := 1; at < len(in); {
		n, w := binary.Uvarint(in[at:])
		at += w
		f := FieldBase{Key: record.Key(text[at : at+int(n)])}
		at += int(n)
		n, w = binary.Uvarint(in[at:])
		at += w
		from := len(es)
		for ; n > 0; n-- {
			e := Element{Exact: binary.BigEndian.Uint64(in[at:]), Form: binary.BigEndian.Uint64(in[at+8:]), Label: binary.BigEndian.Uint32(in[at+16:]),
				Apart: in[at+20]&flagApart != 0}
			first := len(ps)
			end := at + elementBytes + 8*int(in[at+20]&partsMask)
			for at += elementBytes; at < end; at += 8 {
				ps = append(ps, binary.BigEndian.Uint64(in[at:]))
			}
			if len(ps) > first {
				e.Parts = ps[first:len(ps):len(ps)]
			}
			es = append(es, e)
		}
		if len(es) > from {
			f.Elements = es[from:len(es):len(es)]
		}
		b = append(b, f)
	}
	return b, nil
}

// measure checks an encoded base and counts what is in it.
func measure(in []byte) (fields, elements, parts int, ok bool) {
	for len(in) > 0 {
		n, w := binary.Uvarint(in)
		if w <= 0 || uint64(len(in)-w) < n {
			return 0, 0, 0, false
		}
		in = in[w+int(n):]
		n, w = binary.Uvarint(in)
		if w <= 0 || n > uint64(len(in))/elementBytes {
			return 0, 0, 0, false
		}
		in = in[w:]
		for i := 0; i < int(n); i++ {
			if len(in) < elementBytes {
				return 0, 0, 0, false
			}
			p := int(in[elementBytes-1] & partsMask)
			if len(in) < elementBytes+8*p {
				return 0, 0, 0, false
			}
			in = in[elementBytes+8*p:]
			parts += p
		}
		elements += int(n)
		fields++
	}
	return fields, elements, parts, true
}
