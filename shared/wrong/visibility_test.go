package wrong_test

import (
	"encoding/json"
	"testing"
)

// TestTheChosenVisibilityIsThatOfWhatIsImported (PD10): as the vendor's own side shows it.
func TestTheChosenVisibilityIsThatOfWhatIsImported(t *testing.T) {
	for choice, want := range map[string]int{"owner": 1, "everyone": 3} {
		t.Run(choice, func(t *testing.T) {
			t.Parallel()
			w := open(t, options{pair: pipedriveGoogle})
			settings := hourly()
			settings["crm_options"] = map[string]any{"visibility": choice}
			c := w.company("morita", settings)
			c.fillBook(people(0, 3))
			c.first()
			added, _, err := w.boxes.Pipedrive.Contacts(c.crm, "", 10)
			w.must(err)
			if len(added) != 3 {
				t.Fatalf("got %d people, want 3", len(added))
			}
			for _, p := range added {
				var native struct {
					VisibleTo int `json:"visible_to"`
				}
				w.must(json.Unmarshal(p.Native, &native))
				if native.VisibleTo != want {
					t.Errorf("got visible_to %d, want %d", native.VisibleTo, want)
				}
			}
		})
	}
}
