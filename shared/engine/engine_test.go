package engine_test

import (
	"testing"

	"meibo/shared/record"
	"meibo/shared/state"
)

func TestFirstRun(t *testing.T) {
	w := newWorld(t)
	for i := 0; i < 50; i++ {
		w.crm.put("", person("Family"+name(i), "Given", "email", name(i)+"@crm.example.com"))
		w.book.put("", person("Buch"+name(i), "Given", "email", name(i)+"@book.example.com"))
		w.crm.put("", person("Both"+name(i), "Given", "email", name(i)+"@both.example.com"))
		w.book.put("", person("Both"+name(i), "Given", "email", name(i)+"@BOTH.example.com", "phone", "03-1234-56"+two(i)))
	}
	w.ask(state.ReasonStart)
	run := w.lastRun()
	if len(w.crm.recs) != 150 || len(w.book.recs) != 150 {
		t.Fatalf("crm has %d and book %d records, want 150 each; run %+v", len(w.crm.recs), len(w.book.recs), run)
	}
	if run.CRM.Created != 50 || run.Book.Created != 50 || run.CRM.Updated != 50 {
		t.Fatalf("run counts %+v %+v", run.CRM, run.Book)
	}
	w.ask(state.ReasonSchedule) // settles what the CRM stored
	calls := w.crm.calls + w.book.calls
	w.ask(state.ReasonSchedule)
	if got := w.crm.calls + w.book.calls - calls; got != 2 {
		t.Errorf("a quiet run made %d calls, want 2", got)
	}
	if run := w.lastRun(); run.Store.Reads > 8 || run.Store.Writes > 2 {
		t.Errorf("a quiet run used the store %+v", run.Store)
	}
}

func name(i int) string { return string(rune('a'+i%26)) + string(rune('a'+i/26)) }
func two(i int) string  { return string(rune('0'+i/10)) + string(rune('0'+i%10)) }

func TestEditsTravelBothWays(t *testing.T) {
	w := newWorld(t)
	a := w.crm.put("", person("Tanaka", "Aiko", "email", "aiko@example.jp"))
	w.ask(state.ReasonStart)
	l := w.links()[0]
	w.crm.put(a, record.Fields{record.Note: {{Text: "met in Kyoto"}}})
	w.book.put(l.Book, record.Fields{record.Phone: {{Text: "090-1111-2222", Label: "mobile"}}})
	w.ask(state.ReasonUpdate)
	if got := w.book.recs[l.Book].fields.First(record.Note); got != "met in Kyoto" {
		t.Errorf("note in the book %q", got)
	}
	if got := w.crm.recs[a].fields.First(record.Phone); got != "090-1111-2222" {
		t.Errorf("phone in the CRM %q", got)
	}
	if got := w.crm.recs[a].fields.First(record.Note); got != "met in Kyoto" {
		t.Errorf("note in the CRM %q", got)
	}
}

func TestDeletesTravel(t *testing.T) {
	w := newWorld(t)
	for i := 0; i < 10; i++ {
		w.crm.put("", person("P"+name(i), "G", "email", name(i)+"@example.com"))
	}
	w.ask(state.ReasonStart)
	ls := w.links()
	w.crm.remove(ls[0].CRM)
	w.book.remove(ls[1].Book)
	w.ask(state.ReasonUpdate)
	if len(w.crm.recs) != 8 || len(w.book.recs) != 8 {
		t.Fatalf("crm %d, book %d, want 8 each: %+v %s", len(w.crm.recs), len(w.book.recs), w.lastRun(), w.conn.State)
	}
	for _, l := range ls[2:8] {
		w.book.remove(l.Book)
	}
	w.ask(state.ReasonUpdate)
	if w.conn.State != "needs_approval" || len(w.crm.recs) != 8 {
		t.Fatalf("state %s, crm %d: six of eight deletions must ask first", w.conn.State, len(w.crm.recs))
	}
	w.msgs = append(w.msgs, state.Ask{Tenant: "t1", Connection: "conn", Reason: state.ReasonAnswer, Answer: state.AnswerOnce, Asked: w.clk.Now()})
	w.idle()
	if len(w.crm.recs) != 2 || w.conn.State != "active" {
		t.Fatalf("after the answer: crm %d, state %s", len(w.crm.recs), w.conn.State)
	}
}
