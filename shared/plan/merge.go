package plan

import (
	"meibo/shared/profile"
	"meibo/shared/record"
)

// Input is what is known of one link.
type Input struct {
	// Base is what each side had when last synced; nil where it never was.
	Base [2]Base
	// Now is what each side holds; nil where there is no record (it is to be created).
	Now [2]record.Fields
	// Refused are fields that the vendor of that side refused for this record: nothing more is tried there.
	Refused [2]map[record.Key]bool
}

// Held is a field of which Side keeps values that the other side cannot hold (BX11).
type Held struct {
	Side  profile.Side
	Key   record.Key // on Side
	Count int
}

// Outcome is what to do about one link.
type Outcome struct {
	// Write has, per side, the fields to change, each with its complete new values; nil if there are none.
	Write [2]record.Fields
	// Conflicts are the CRM's keys of fields whose value the conflict rule decided.
	Conflicts []record.Key
	Held      []Held
	// Emptied counts, per side, fields that Write leaves without any value.
	Emptied [2]int

	fields []fieldOutcome
}

// fieldOutcome remembers, for the next base, what must not be taken as synced.
type fieldOutcome struct {
	pair  int
	known [2]bool
	notes [2][]note
	gone  [2][]Element // old elements that the side no longer has, and whose removal has not travelled
}

// note says how the base shows the value of one side that has the comparison form form.
type note struct {
	form uint64
	how  noteKind
	el   Element // noteAs
	// by is the form that both sides know the element by (noteKnown).
	by uint64
}

type noteKind int8

const (
	noteOmit  noteKind = iota // not at all: it is still to travel
	noteAs                    // as el: part of it is still to travel
	noteKnown                 // as it is, known by another form
)

// Merge plans one link, field by field.
func (p *Planner) Merge(in Input) Outcome {
	out := Outcome{fields: make([]fieldOutcome, 0, len(p.pairs))}
	overwrites := p.overwrites(&in)
	for i := range p.pairs {
		f := &p.pairs[i]
		var fm fieldMerge
		fm.p, fm.f = p, f
		fo := fieldOutcome{pair: i}
		skip := false
		for s := range sides {
			k := f.field[s].Key
			vs, known := in.Now[s][k]
			if in.Now[s] == nil {
				known = true
			}
			fo.known[s] = known
			skip = skip || !known
			fm.now[s] = filled(vs)
			fm.base[s], fm.has[s] = in.Base[s].Find(k)
			fm.refused[s] = in.Refused[s][k]
		}
		if skip {
			out.fields = append(out.fields, fo)
			continue
		}
		over := overwrites && fm.has[0] && fm.has[1]
		switch {
		case fm.has[0] && fm.has[1] && p.same(fm.base[0], fm.now[0]) && p.same(fm.base[1], fm.now[1]) && (!over || knownAlike(fm.base[0], fm.base[1])):
			fm.heldAsBefore()
		case over:
			fm.overwrite()
		default:
			fm.run()
		}
		for s := range sides {
			k := f.field[s].Key
			if fm.write[s] != nil {
				if out.Write[s] == nil {
					out.Write[s] = record.Fields{}
				}
				out.Write[s][k] = fm.write[s]
				if len(fm.write[s]) == 0 {
					out.Emptied[s]++
				}
			}
			if n := fm.held[s]; n > 0 {
				out.Held = append(out.Held, Held{Side: sides[s], Key: k, Count: n})
			}
			fo.notes[s], fo.gone[s] = fm.notes[s], fm.gone[s]
		}
		if fm.conflict {
			out.Conflicts = append(out.Conflicts, f.field[0].Key)
		}
		out.fields = append(out.fields, fo)
	}
	return out
}
