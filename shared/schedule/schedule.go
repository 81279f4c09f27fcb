// Package schedule makes things happen later: one recurring schedule per tenant, which asks tenantsync for the connections that
// are due, and one-time schedules, which put one message on the sync queue. In the cloud this is EventBridge Scheduler; locally
// a loop over the same items.
package schedule

import (
	"context"
	"time"

	"meibo/shared/queue"
)

// Scheduler keeps schedules.
type Scheduler interface {
	// EnsureTenant makes or updates the tenant's recurring schedule.
	EnsureTenant(ctx context.Context, tenant string, every time.Duration) error
	// RemoveTenant removes it; removing an absent one is no error.
	RemoveTenant(ctx context.Context, tenant string) error
	// Once sends m to the sync queue at or soon after at. A second call with the same name replaces the first.
	Once(ctx context.Context, name string, at time.Time, m queue.Message) error
}

// TenantEvent is what the recurring schedule sends to tenantsync.
type TenantEvent struct {
	Tenant string `json:"tenant"`
}
