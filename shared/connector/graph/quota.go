package graph

import (
	"time"

	"meibo/shared/connector/pace"
)

// The names of the limits.
const (
	limitRequests = "requests"
	limitUpload   = "upload_bytes"
)

// DefaultLimits returns Microsoft's published limits of one mailbox and application (sheet 12). That four requests at a time are
// allowed needs no limit here: a connector makes one call at a time, and Graph runs four parts of a batch at once.
func DefaultLimits() []pace.Limit {
	return []pace.Limit{
		{Name: limitRequests, Units: 10_000, Per: 10 * time.Minute},
		{Name: limitUpload, Units: 150_000_000, Per: 5 * time.Minute},
	}
}

// cost is what a call takes: each part of a batch counts as a request.
func cost(requests, bytes int) []pace.Cost {
	return []pace.Cost{{Name: limitRequests, Units: requests}, {Name: limitUpload, Units: bytes}}
}
