package engine_test

import (
	"strings"
	"testing"
	"time"

	"meibo/shared/connector"
	"meibo/shared/profile"
	"meibo/shared/record"
	"meibo/shared/state"
	"meibo/shared/tenancy"
)

// picky is a vendor of two objects: contacts unless leads are chosen.
type picky struct {
	*fake
	leads *fake
}

func (p picky) Choose(options map[string]string) (connector.Connector, error) {
	switch options["object"] {
	case "", "contacts":
		return p.fake, nil
	case "leads":
		return p.leads, nil
	}
	return nil, &connector.InvalidError{System: p.name, Field: "object", Reason: "no such object"}
}

// choosing is a world whose book has contacts and leads, the latter without telephone numbers, with five people in the CRM.
func choosing(t *testing.T) (*world, picky) {
	w := newWorld(t)
	fields := []record.Field{}
	for _, f := range bookFields() {
		if f.Key != record.Phone {
			fields = append(fields, f)
		}
	}
	p := picky{w.book, newFake("leads", w.clk, fields, w.book.batch, true)}
	p.fake.choices = []connector.Option{{Key: "colour", Default: "red"}, {Key: "object", Fixed: true, Default: "contacts", Choices: []connector.Choice{{Value: "contacts"}, {Value: "leads"}}}}
	p.leads.choices = p.fake.choices
	w.lights[1] = p
	for i := range 5 {
		w.crm.put("", person("P"+name(i), "Given", "email", name(i)+"@example.com", "phone", "03-1111-222"+string(rune('0'+i))))
	}
	return w, p
}

func TestChooser(t *testing.T) {
	t.Run("what was chosen is what is synced", func(t *testing.T) {
		for object, want := range map[string][2]int{"": {5, 0}, "contacts": {5, 0}, "leads": {0, 5}} {
			w, p := choosing(t)
			if object != "" {
				w.conn.Settings.BookOptions = map[string]string{"object": object}
			}
			w.ask(state.ReasonStart)
			w.ask(state.ReasonSchedule)
			if got := [2]int{len(p.fake.recs), len(p.leads.recs)}; got != want || w.lastRun().State != state.RunDone {
				t.Errorf("%q: %v contacts and leads, want %v", object, got, want)
			}
		}
	})
	t.Run("another choice than the connection was started with is refused, and nothing is lost", func(t *testing.T) {
		w, p := choosing(t)
		w.ask(state.ReasonStart)
		w.ask(state.ReasonSchedule)
		links := len(w.links())
		calls := p.leads.calls
		for _, reason := range []state.Reason{state.ReasonUpdate, state.ReasonPreview} {
			w.conn.Settings.BookOptions = map[string]string{"object": "leads"}
			w.ask(reason)
			if w.conn.State != tenancy.Paused || !strings.Contains(w.conn.Reason, "object contacts") || !strings.Contains(w.conn.Reason, "object leads") {
				t.Errorf("%s: state %s: %s", reason, w.conn.State, w.conn.Reason)
			}
			if len(p.leads.recs) > 0 || p.leads.seq > 0 || len(p.fake.recs) != 5 || len(w.links()) != links || len(w.crm.deaths) > 0 {
				t.Errorf("%s: %d contacts, %d leads, %d links", reason, len(p.fake.recs), len(p.leads.recs), len(w.links()))
			}
			w.conn.State = tenancy.Active
		}
		if p.leads.calls != calls+2 { // the catalogue, each time
			t.Errorf("%d calls to the other object", p.leads.calls-calls)
		}
		// As before, and with the default said aloud, it goes on; the other object's catalogue is forgotten.
		for _, options := range []map[string]string{nil, {"object": "contacts"}} {
			w.conn.Settings.BookOptions = options
			l := w.links()[0]
			w.crm.put(l.CRM, record.Fields{record.Phone: {{Text: "090-3333-444" + string(rune('0'+len(options))), Label: "mobile"}}})
			w.ask(state.ReasonUpdate)
			if got := p.fake.recs[l.Book].fields.First(record.Phone); w.conn.State != tenancy.Active || !strings.HasPrefix(got, "090-3333-444") {
				t.Errorf("%v: state %s (%s), phone %q", options, w.conn.State, w.conn.Reason, got)
			}
			if got, want := w.crm.recs[l.CRM].fields.First(record.Phone), p.fake.recs[l.Book].fields.First(record.Phone); got != want {
				t.Errorf("%v: the CRM has %q, the book %q", options, got, want)
			}
		}
	})
	t.Run("a choice that does not decide which records are meant may change", func(t *testing.T) {
		w, p := choosing(t)
		w.ask(state.ReasonStart)
		w.conn.Settings.BookOptions = map[string]string{"colour": "blue"}
		w.ask(state.ReasonUpdate)
		if run := w.lastRun(); w.conn.State != tenancy.Active || run.State != state.RunDone || len(p.fake.recs) != 5 {
			t.Errorf("state %s (%s), %d contacts", w.conn.State, w.conn.Reason, len(p.fake.recs))
		}
	})
	t.Run("a draft may be previewed with either before it starts", func(t *testing.T) {
		w, p := choosing(t)
		w.conn.State = tenancy.Ready
		for _, object := range []string{"leads", "contacts", "leads"} {
			w.conn.Settings.BookOptions = map[string]string{"object": object}
			w.ask(state.ReasonPreview)
			if run := w.lastRun(); run.State != state.RunDone || run.Book.Created != 5 {
				t.Errorf("%s: %s %s, %d to be created", object, run.State, run.Message, run.Book.Created)
			}
		}
		w.conn.State = tenancy.Active
		w.conn.Settings.BookOptions = nil
		w.ask(state.ReasonStart)
		if len(p.fake.recs) != 5 || len(p.leads.recs) != 0 {
			t.Errorf("%d contacts, %d leads", len(p.fake.recs), len(p.leads.recs))
		}
	})
	t.Run("what is no choice pauses with the reason", func(t *testing.T) {
		w, _ := choosing(t)
		w.conn.Settings.BookOptions = map[string]string{"object": "opportunities"}
		w.ask(state.ReasonStart)
		if w.conn.State != tenancy.Paused || !strings.Contains(w.conn.Reason, "no such object") {
			t.Errorf("state %s: %s", w.conn.State, w.conn.Reason)
		}
	})
}

// A system that can only be read is never written to, whatever the settings say.
func TestReadOnlySide(t *testing.T) {
	for _, c := range []struct {
		side profile.Side
		d    profile.Direction
		ok   bool
	}{
		{profile.CRM, profile.TwoWay, false}, {profile.CRM, profile.BookToCRM, false}, {profile.CRM, profile.CRMToBook, true},
		{profile.Book, profile.TwoWay, false}, {profile.Book, profile.CRMToBook, false}, {profile.Book, profile.BookToCRM, true},
	} {
		t.Run(string(c.side)+", "+string(c.d), func(t *testing.T) {
			w := newWorld(t)
			w.conn.Settings.Rules.Direction = c.d
			sealed, open := w.crm, w.book
			if c.side == profile.Book {
				sealed, open = w.book, w.crm
			}
			sealed.readOnly = true
			sealed.put("", mail("a"))
			open.put("", mail("b"))
			seq := w.crm.seq + w.book.seq
			w.ask(state.ReasonStart)
			w.clk.Advance(time.Hour)
			if c.ok {
				if len(open.recs) != 2 || len(sealed.recs) != 1 || w.conn.State != tenancy.Active {
					t.Errorf("%d and %d records, state %s", len(open.recs), len(sealed.recs), w.conn.State)
				}
				w.rest()
				return
			}
			if w.crm.seq+w.book.seq != seq || w.conn.State != tenancy.Paused || !strings.Contains(w.conn.Reason, sealed.name+" can only be read") {
				t.Errorf("state %s: %s", w.conn.State, w.conn.Reason)
			}
			w.sound()
			w.conn.State, w.conn.Settings.Rules.Direction = tenancy.Active, profile.CRMToBook
			if c.side == profile.Book {
				w.conn.Settings.Rules.Direction = profile.BookToCRM
			}
			w.ask(state.ReasonUpdate)
			w.rest()
			if len(open.recs) != 2 || len(sealed.recs) != 1 {
				t.Errorf("with the cure: %d and %d records", len(open.recs), len(sealed.recs))
			}
		})
	}
}
