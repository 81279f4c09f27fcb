package trial

import (
	"testing"
	"time"

	"meibo/shared/connector"
	"meibo/shared/system"
)

func TestDictated(t *testing.T) {
	evening := time.Date(2026, 5, 1, 22, 0, 0, 0, time.UTC)
	google := connector.Batch{List: 1000, Get: 200, Create: 200, Update: 200}
	graph := connector.Batch{List: 100}
	for _, c := range []struct {
		name, id string
		w        work
		want     time.Duration
	}{
		{"nothing takes no time", system.Google, work{batch: google}, 0},
		{"five batches fill a minute at Google", system.Google, work{Work: connector.Work{Created: 1000}, batch: google}, 0},
		{"the sixth waits for the next", system.Google, work{Work: connector.Work{Created: 1001}, batch: google}, time.Minute},
		{"50 batches take ten minutes, the first of them none", system.Google, work{Work: connector.Work{Created: 10_000}, batch: google}, 9 * time.Minute},
		{"a mailbox takes 10,000 requests at once", system.Microsoft, work{Work: connector.Work{Created: 10_000}, batch: graph}, 0},
		{"an update is read first", system.Microsoft, work{Work: connector.Work{Read: 5000, Updated: 5001}, batch: graph}, 10 * time.Minute},
		{"listings count", system.Microsoft, work{Work: connector.Work{Listed: []int{10_000, 10_000}, Created: 9_801}, batch: graph}, 10 * time.Minute},
		{"so do pictures that are asked for", system.Microsoft, work{Work: connector.Work{Created: 5_000, PhotosRead: 5_001}, batch: graph}, 10 * time.Minute},
		{"a company's tokens begin anew at midnight", system.Pipedrive, work{floor: 1 << 20, ops: map[string]int{"POST /api/v2/persons": 12_001}}, 2 * time.Hour},
		{"and a day later", system.Pipedrive, work{floor: 1 << 20, ops: map[string]int{"POST /api/v2/persons": 24_001}}, 26 * time.Hour},
		{"each seat brings its own", system.Pipedrive, work{floor: 1 << 20, seats: 2, ops: map[string]int{"POST /api/v2/persons": 12_001}}, 150 * time.Second},
		{"ten searches go in two seconds", system.Pipedrive, work{floor: 1 << 20, ops: map[string]int{"GET /api/v2/organizations/search": 101}}, 20 * time.Second},
		{"160 calls go in two seconds", system.Pipedrive, work{floor: 1 << 20, ops: map[string]int{"GET /api/v2/persons/{id}": 1601}}, 20 * time.Second},
		{"calls beyond those that it takes do not count", system.Pipedrive, work{floor: 160, ops: map[string]int{"GET /api/v2/persons/{id}": 1601}}, 0},
		{"pictures that are asked for are reads at Google", system.Google, work{Work: connector.Work{PhotosRead: 12_001}, batch: google}, time.Minute},
		{"its pictures have a limit of their own", system.Google, work{Work: connector.Work{PhotosSet: 51}, batch: google}, time.Minute},
		{"and so has a day", system.Google, work{Work: connector.Work{Created: 100_001}, batch: google}, 2 * time.Hour},
		{"Zoho counts by the day only", system.Zoho, work{Work: connector.Work{Created: 10_000, Provenance: 40_000}, floor: 40_100}, 0},
		{"each timeline is a call of it", system.Zoho, work{Work: connector.Work{Provenance: 51_001}, floor: 51_001}, 24 * time.Hour},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := dictated(c.id, c.w, evening); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

func TestTokenCost(t *testing.T) {
	for op, want := range map[string]int{
		"GET /api/v2/persons": 10, "GET /api/v2/persons/{id}": 1, "POST /api/v2/persons": 5, "PATCH /api/v2/persons/{id}": 5,
		"DELETE /api/v2/persons/{id}": 3, "GET /api/v2/organizations/search": 20, "POST /oauth/token": 0,
	} {
		if got := tokenCost(op); got != want {
			t.Errorf("%s: got %d, want %d", op, got, want)
		}
	}
}
