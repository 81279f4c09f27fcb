package sandbox

import "net/http"

// Recorder takes an answer up: that of a batch's part, or one that is changed before it goes out. Head must not be nil.
type Recorder struct {
	Head   http.Header
	Status int
	Body   []byte
}

// NewRecorder returns an empty one.
func NewRecorder() *Recorder { return &Recorder{Head: http.Header{}} }

// Header is Head.
func (r *Recorder) Header() http.Header { return r.Head }

// WriteHeader takes the first status.
func (r *Recorder) WriteHeader(status int) {
	if r.Status == 0 {
		r.Status = status
	}
}

// Write adds to Body.
func (r *Recorder) Write(b []byte) (int, error) {
	r.WriteHeader(http.StatusOK)
	r.Body = append(r.Body, b...)
	return len(b), nil
}
