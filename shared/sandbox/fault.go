// Package sandbox is what the stand-ins for vendors share: faults on request, an OAuth 2.0 authorisation server, limits, and the
// page on which a person sees and edits contacts. The stand-ins themselves are in the sub-packages, one per vendor. A sandbox is
// stricter than its vendor: what the vendor documents as wrong is refused, and what it leaves open is refused too.
package sandbox

import "time"

// Fault is something that goes wrong with a request. The first matching fault with Times left is used.
type Fault struct {
	// Method and Path choose requests: Method "" matches any, and Path is matched as a substring of the URL path.
	Method string `json:"method,omitempty"`
	Path   string `json:"path,omitempty"`
	// Skip lets this many matching requests through first; Times is how many are then hit (0 means 1, -1 means all).
	Skip  int `json:"skip,omitempty"`
	Times int `json:"times,omitempty"`

	// Status, Header and Body are the answer in place of the handler's.
	Status int               `json:"status,omitempty"`
	Header map[string]string `json:"header,omitempty"`
	Body   string            `json:"body,omitempty"`
	// AfterWrite lets the handler do its work, throws its answer away, and then answers as above or, with Status 0, cuts
	// the connection: the request happened and the caller cannot know.
	AfterWrite bool `json:"after_write,omitempty"`
	// CutBody sends the handler's answer only up to this many bytes and then cuts the connection.
	CutBody int `json:"cut_body,omitempty"`
	// Repeat answers with the answer of the matching request before this one: a page that repeats.
	Repeat bool `json:"repeat,omitempty"`
}

// Call is one request that a sandbox answered.
type Call struct {
	Time   time.Time `json:"time"`
	Method string    `json:"method"`
	Path   string    `json:"path"`
	Status int       `json:"status"`
}
