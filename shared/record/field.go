package record

// Field describes one field as one account at one vendor has it. It is data: a connector lists its fields, and mapping,
// planner and fitting read them.
type Field struct {
	Key  Key    `json:"key"`
	Type Type   `json:"type"`
	Name string `json:"name"` // what people see at the vendor, such as "Mobile" or "Phonetic last name"

	// Max is how many values the field holds; 0 means no limit that the vendor states. A field with Slots holds at most
	// one value a slot, whatever Max says.
	Max int `json:"max,omitempty"`
	// Slots are fixed places, in order of preference. Empty means that labels are free.
	Slots []Slot `json:"slots,omitempty"`
	// Parts are the components that a value of the field can hold; empty means all that its type has.
	Parts []Part `json:"parts,omitempty"`
	// Labelled says that values keep free labels. A field that is neither labelled nor slotted loses labels.
	Labelled bool `json:"labelled,omitempty"`

	Length  int      `json:"length,omitempty"` // runes of one text at most; 0 means no limit that the vendor states
	Choices []string `json:"choices,omitempty"`
	// WholeDate says that a date must have its year.
	WholeDate bool `json:"whole_date,omitempty"`
	// ASCII says that the field refuses any other character.
	ASCII    bool `json:"ascii,omitempty"`
	ReadOnly bool `json:"read_only,omitempty"`
	// Required says that the vendor refuses a record without it.
	Required bool `json:"required,omitempty"`
	// Custom says that a person of the account's company made the field.
	Custom bool `json:"custom,omitempty"`
}

// Capacity returns how many values the field holds, or 0 if no limit is known.
func (f Field) Capacity() int {
	if len(f.Slots) > 0 {
		return len(f.Slots)
	}
	return f.Max
}

// Holds reports whether values of f can have part p.
func (f Field) Holds(p Part) bool { return len(f.Parts) == 0 || contains(f.Parts, p) }

// Lacks reports whether v has a part that f cannot hold. A country's code beside its name is no loss.
func (f Field) Lacks(v Value) bool {
	if len(f.Parts) == 0 {
		return false
	}
	for p, s := range v.Parts {
		if s == "" || contains(f.Parts, p) || p == PartCountryCode && v.Parts[PartCountry] != "" && contains(f.Parts, PartCountry) {
			continue
		}
		return true
	}
	return false
}

// Slot is one fixed place of a field, such as Zoho's Mobile among its phone fields.
type Slot struct {
	Label string `json:"label"` // the label that a value in this place has when it is read
	// Accepts are the other labels whose values may be put here, besides Label. "*" accepts any.
	Accepts []string `json:"accepts,omitempty"`
}
