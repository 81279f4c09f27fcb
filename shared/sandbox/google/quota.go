package google

import (
	"fmt"
	"time"
)

// A quota is one of Google's rate limits of a user.
type quota string

const (
	criticalReads  quota = "critical_read_requests"
	criticalWrites quota = "critical_write_requests"
	photoWrites    quota = "photo_write_requests"
	groupReads     quota = "contact_group_read_requests"
	otherWrites    quota = "write_requests"
	dailyWrites    quota = "daily_contact_write_requests"
	fullListings   quota = "full_sync_requests"
)

// quotaNames are the two spellings in a 429 body.
var quotaNames = map[quota][2]string{
	criticalReads:  {"Critical read requests", "CriticalReads"},
	criticalWrites: {"Critical write requests", "CriticalWrites"},
	photoWrites:    {"Photo write requests", "PhotoWrites"},
	groupReads:     {"Contact group read requests", "ContactGroupReads"},
	otherWrites:    {"Write requests", "Writes"},
	dailyWrites:    {"Daily contact write requests", "DailyContactWrites"},
	fullListings:   {"Full sync requests", "FullSyncRequests"},
}

// cost is what one call uses of each quota.
type cost map[quota]int

// window counts what was used since start.
type window struct {
	start time.Time
	used  int
}

// pacific is the zone whose midnight ends a quota day; daylight saving is left out.
func pacific() *time.Location { return time.FixedZone("PST", -8*60*60) }

func (s *Sandbox) quotaLimit(q quota) int {
	l := s.limits
	switch q {
	case criticalReads:
		return l.CriticalReads
	case criticalWrites:
		return l.CriticalWrites
	case photoWrites:
		return l.PhotoWrites
	case groupReads:
		return l.GroupReads
	case otherWrites:
		return l.Writes
	case dailyWrites:
		return l.DailyWrites
	default:
		return l.FullListings
	}
}

// charge takes c from the user's quotas, or takes nothing and says which is used up.
func (s *Sandbox) charge(a *account, c cost) *apiError {
	now := s.cfg.Clock.Now()
	for q, n := range c {
		limit, w := s.quotaLimit(q), a.window(q, now)
		if limit > 0 && w.used+n > limit {
			return exceeded(q)
		}
	}
	for q, n := range c {
		a.window(q, now).used += n
	}
	return nil
}

func (a *account) window(q quota, now time.Time) *window {
	start := now.Truncate(time.Minute)
	if q == dailyWrites {
		y, m, d := now.In(pacific()).Date()
		start = time.Date(y, m, d, 0, 0, 0, 0, pacific())
	}
	w := a.quotas[q]
	if w == nil || !w.start.Equal(start) {
		w = &window{start: start}
		a.quotas[q] = w
	}
	return w
}

func exceeded(q quota) *apiError {
	name := quotaNames[q]
	per, limit := "minute", name[1]+"PerMinutePerProjectPerUser"
	if q == dailyWrites {
		per, limit = "day", name[1]+"PerDayPerProjectPerUser"
	}
	return &apiError{http: 429, status: "RESOURCE_EXHAUSTED",
		message: fmt.Sprintf("Quota exceeded for quota metric '%s' and limit '%s per %s per user' of service 'people.googleapis.com' for consumer 'project_number:%s'.", name[0], name[0], per, projectNumber),
		details: []any{errorInfo("RATE_LIMIT_EXCEEDED", "googleapis.com", map[string]string{
			"consumer": "projects/" + projectNumber, "quota_limit": limit, "service": "people.googleapis.com",
			"quota_metric": "people.googleapis.com/" + string(q),
		})}}
}
