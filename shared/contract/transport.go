package contract

import (
	"bytes"
	"io"
	"net/http"
)

// Transport shows every exchange that passes through Base to See, with both bodies.
type Transport struct {
	Base http.RoundTripper
	See  func(r *http.Request, sent []byte, answer *http.Response, body []byte)
}

// RoundTrip sends r.
func (t Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	var sent []byte
	if r.Body != nil {
		var err error
		if sent, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
		r = r.Clone(r.Context())
		r.Body = io.NopCloser(bytes.NewReader(sent))
	}
	answer, err := t.Base.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return nil, err
	}
	answer.Body = io.NopCloser(bytes.NewReader(body))
	t.See(r, sent, answer, body)
	return answer, nil
}
