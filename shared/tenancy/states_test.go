package tenancy_test

import (
	"encoding/json"
	"strings"
	"testing"

	"meibo/shared/store"
	"meibo/shared/tenancy"
)

// legal is SPEC section 9 rule 1, written down a second time: rows are from, columns to.
const legal = `
               draft authorizing ready active paused needs_reauth needs_approval stopped deleted
draft            -       x         -     -      -         -             -           -       x
authorizing      -       -         x     -      -         -             -           x       -
ready            -       -         -     x      -         -             -           x       -
active           -       -         -     -      x         x             x           x       -
paused           -       -         -     x      -         -             -           x       -
needs_reauth     -       -         -     x      -         -             -           x       -
needs_approval   -       -         -     x      -         -             -           x       -
stopped          -       -         -     -      -         -             -           -       x
deleted          -       -         -     -      -         -             -           -       -
`

func TestMove(t *testing.T) {
	w := newWorld(t)
	admin := w.company("aya")
	c := w.active(admin, "v1")
	rows := strings.Split(strings.TrimSpace(legal), "\n")
	columns := strings.Fields(rows[0])
	pairs := 0
	for _, row := range rows[1:] {
		cells := strings.Fields(row)
		from := tenancy.State(cells[0])
		for i, cell := range cells[1:] {
			to := tenancy.State(columns[i])
			pairs++
			t.Run(string(from)+" to "+string(to)+" is "+map[string]string{"x": "made", "-": "refused"}[cell], func(t *testing.T) {
				w.put(c, from)
				got, err := w.Move(t.Context(), c.Tenant, c.ID, to, "because")
				if cell == "x" {
					if err != nil || got.State != to || got.Reason != "because" {
						t.Errorf("Move = %s %q, %v, want %s", got.State, got.Reason, err, to)
					}
					if stored := w.state(c); stored != to {
						t.Errorf("stored state = %s, want %s", stored, to)
					}
					return
				}
				code := tenancy.CodeState
				if from == to {
					code = tenancy.CodeAlready
				}
				r := wantRefusal(t, err, code)
				for _, s := range []tenancy.State{from, to} {
					if !strings.Contains(r.Reason, string(s)) {
						t.Errorf("reason %q does not name %s", r.Reason, s)
					}
				}
				if stored := w.state(c); stored != from {
					t.Errorf("stored state = %s, want %s", stored, from)
				}
			})
		}
	}
	if want := len(tenancy.States()) * len(tenancy.States()); pairs != want || pairs != 81 {
		t.Errorf("%d pairs tested, want %d", pairs, want)
	}

	t.Run("a state that does not exist is refused by name", func(t *testing.T) {
		w.put(c, tenancy.Active)
		_, err := w.Move(t.Context(), c.Tenant, c.ID, "asleep", "")
		wantField(t, err, "state")
	})
	t.Run("another tenant's connection is not found", func(t *testing.T) {
		other := w.company("bo")
		_, err := w.Move(t.Context(), other.Tenant, c.ID, tenancy.Paused, "")
		wantNotFound(t, err)
	})
}

// put writes the connection in the given state, whatever the rules say. The pair item is taken away, as if never started.
func (w *world) put(c tenancy.Connection, s tenancy.State) {
	w.t.Helper()
	ctx := w.t.Context()
	now, err := w.ConnectionByID(ctx, c.Tenant, c.ID)
	if err != nil {
		w.t.Fatal(err)
	}
	now.State = s
	body, err := json.Marshal(now)
	if err != nil {
		w.t.Fatal(err)
	}
	pk := "T#" + c.Tenant
	err = w.table.Write(ctx,
		store.Put(store.Item{Key: store.Key{PK: pk, SK: "conn#" + c.ID}, V: now.V + 1, Body: body}, store.Cond{}),
		store.Delete(store.Key{PK: pk, SK: "pair#" + c.CRM + "#" + c.Book}, store.Cond{}))
	if err != nil {
		w.t.Fatal(err)
	}
}
