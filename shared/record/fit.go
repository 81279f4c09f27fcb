package record

import (
	"strings"
	"unicode/utf8"
)

// Fit says how values can stand in field f: those in keep are there already and stay, those in add are new. placed is the whole
// new list; of its values, labels are the field's own (a slot's label, or none). held are the indexes of add that the field
// cannot hold at all, and partly those of which it holds only some parts. Nothing is ever cut short: a text that is too long is
// held back whole.
func Fit(f Field, keep, add []Value) (placed []Value, held, partly []int) {
	placed = CloneValues(keep)
	taken := make([]bool, len(f.Slots))
	for _, v := range keep {
		if i := slotNamed(f.Slots, taken, v.Label); i >= 0 {
			taken[i] = true
		}
	}
	for i, v := range add {
		w, lost, ok := shape(f, v)
		if ok && len(f.Slots) > 0 {
			slot := freeSlot(f.Slots, taken, v.Label)
			if ok = slot >= 0; ok {
				taken[slot] = true
				w.Label = f.Slots[slot].Label
			}
		} else if f.Max > 0 && len(placed) >= f.Max {
			ok = false
		}
		if !ok {
			held = append(held, i)
			continue
		}
		if lost {
			partly = append(partly, i)
		}
		placed = append(placed, w)
	}
	return placed, held, partly
}

// slotNamed returns the first free slot of the label; a field may have several.
func slotNamed(slots []Slot, taken []bool, label string) int {
	for i, s := range slots {
		if s.Label == label && !taken[i] {
			return i
		}
	}
	return -1
}

// freeSlot prefers the slot of the label, then one that accepts it by name, then one that accepts anything.
func freeSlot(slots []Slot, taken []bool, label string) int {
	if i := slotNamed(slots, taken, label); i >= 0 {
		return i
	}
	for _, want := range []string{label, "*"} {
		for i, s := range slots {
			if taken[i] {
				continue
			}
			for _, a := range s.Accepts {
				if a == want {
					return i
				}
			}
		}
	}
	return -1
}

// shape returns v as field f can hold it, whether parts were lost, and whether it can be held at all.
func shape(f Field, v Value) (w Value, lost, ok bool) {
	w = CloneValues([]Value{v})[0]
	if len(f.Slots) == 0 && !f.Labelled {
		w.Label = ""
	}
	switch f.Type {
	case TypeAddress, TypeIM:
		lost = f.Lacks(w)
		if f.Type == TypeAddress && len(w.Parts) == 0 && !wholeAddress(f) {
			return w, false, false // a line of text, and the field has only some of the places that it could be taken apart into
		}
		for p := range w.Parts {
			if !f.Holds(p) {
				delete(w.Parts, p)
			}
		}
	case TypeText:
		if strings.ContainsAny(w.Text, "\r\n") {
			return w, false, false
		}
	case TypeDate:
		if f.WholeDate && strings.HasPrefix(date(w.Text), "--") {
			return w, false, false
		}
	case TypeChoice:
		if w.Text, ok = choice(f.Choices, w.Text); !ok {
			return w, false, false
		}
	}
	if w.IsEmpty() || tooLong(f, w) || f.ASCII && !ascii(w.Text) {
		return w, false, false
	}
	return w, lost, true
}

// wholeAddress reports whether f has every part of an address, and with them its text as one line.
func wholeAddress(f Field) bool {
	for _, p := range allParts {
		if p != PartService && !f.Holds(p) {
			return false
		}
	}
	return true
}

func ascii(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

func choice(choices []string, text string) (string, bool) {
	for _, c := range choices {
		if c == text {
			return c, true
		}
	}
	for _, c := range choices {
		if Fold(c) == Fold(text) {
			return c, true
		}
	}
	return text, false
}

func tooLong(f Field, v Value) bool {
	if f.Length == 0 {
		return false
	}
	if utf8.RuneCountInString(v.Text) > f.Length {
		return true
	}
	for _, s := range v.Parts {
		if utf8.RuneCountInString(s) > f.Length {
			return true
		}
	}
	return false
}
