package zoho

import "sync/atomic"

const (
	span  = 600 // seconds that are counted together
	spans = 24 * 3600 / span
)

// meter counts one organisation's credits over a rolling day, to ten minutes, and its requests in flight.
type meter struct {
	used   [spans]int
	period [spans]int64 // which span of time a count belongs to
	flying atomic.Int64
	heavy  atomic.Int64
}

// spent is what the last day cost. It needs the sandbox's lock, as charge and remaining do.
func (m *meter) spent(now int64) int {
	total, current := 0, now/span
	for i, p := range m.period {
		if p > current-spans {
			total += m.used[i]
		}
	}
	return total
}

// charge adds cost unless that goes beyond credits.
func (m *meter) charge(now int64, cost, credits int) bool {
	if credits < unlimited && m.spent(now)+cost > credits {
		return false
	}
	p := now / span
	i := int(p % spans)
	if m.period[i] != p {
		m.period[i], m.used[i] = p, 0
	}
	m.used[i] += cost
	return true
}

// remaining is what is left, or -1 while less than half is used: Zoho shows its header only from then on.
func (m *meter) remaining(now int64, credits int) int {
	if credits >= unlimited {
		return -1
	}
	if spent := m.spent(now); 2*spent >= credits {
		return max(credits-spent, 0)
	}
	return -1
}

// enter counts a request in flight, unless there are most already.
func (m *meter) enter(most int) (leave func(), ok bool) { return enter(&m.flying, most) }

// enterHeavy is enter for the calls that share a smaller limit.
func (m *meter) enterHeavy(most int) (leave func(), ok bool) { return enter(&m.heavy, most) }

func enter(n *atomic.Int64, most int) (leave func(), ok bool) {
	if n.Add(1) > int64(most) {
		n.Add(-1)
		return nil, false
	}
	return func() { n.Add(-1) }, true
}
