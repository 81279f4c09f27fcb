package google

import (
	"time"

	"meibo/shared/connector"
	"meibo/shared/connector/pace"
)

// The names of the quotas (sheet 8.1).
const (
	quotaRead   = "critical_read"
	quotaWrite  = "critical_write"
	quotaDaily  = "daily_contact_write"
	quotaDelete = "delete_group_write"
	quotaGroups = "group_read"
	quotaPhoto  = "photo_write"
)

// DefaultLimits returns the limits of one user that projects have reported (sheet 8.2). Google publishes none: the Cloud console
// shows a project's own.
func DefaultLimits() []pace.Limit {
	return []pace.Limit{
		{Name: quotaRead, Units: 60, Per: time.Minute},
		{Name: quotaWrite, Units: 30, Per: time.Minute},
		{Name: quotaDaily, Units: 100_000, Per: 24 * time.Hour},
		{Name: quotaDelete, Units: 30, Per: time.Minute},
		{Name: quotaGroups, Units: 90, Per: time.Minute},
		{Name: quotaPhoto, Units: 50, Per: time.Minute},
	}
}

// What one call costs, whatever its size.
var (
	costRead        = []pace.Cost{{Name: quotaRead, Units: 1}}
	costBatchWrite  = []pace.Cost{{Name: quotaRead, Units: 6}, {Name: quotaWrite, Units: 6}, {Name: quotaDaily, Units: 200}}
	costDelete      = []pace.Cost{{Name: quotaDelete, Units: 1}}
	costBatchDelete = []pace.Cost{{Name: quotaDelete, Units: 10}}
	costGroups      = []pace.Cost{{Name: quotaGroups, Units: 1}}
	costPhoto       = []pace.Cost{{Name: quotaPhoto, Units: 1}}
)

// Ready implements connector.Pacer.
func (c *Connector) Ready(op connector.Op, _ int) time.Duration {
	switch op {
	case connector.Read:
		return c.pace.Peek(costRead...)
	case connector.Delete:
		return c.pace.Peek(costBatchDelete...)
	}
	return c.pace.Peek(costBatchWrite...)
}
