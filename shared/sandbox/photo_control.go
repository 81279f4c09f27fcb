package sandbox

import (
	"io"
	"net/http"
)

// Pictures are the pictures of a stand-in's contacts, as people see and choose them in the vendor's own pages.
type Pictures interface {
	// Photo returns a contact's picture, or nil.
	Photo(user, id string) ([]byte, error)
	// SetPhoto gives a contact a picture; an empty one takes it away.
	SetPhoto(user, id string, picture []byte) error
}

// PhotoVerbs are the control routes of pictures, for ControlConfig.Verbs:
//
//	PUT /sandbox/photos/{id}?user=   the picture; an empty body takes it away
//	GET /sandbox/photos/{id}?user=   the picture; 404 without one
func PhotoVerbs(p Pictures) map[string]http.HandlerFunc {
	return map[string]http.HandlerFunc{
		"PUT /sandbox/photos/{id...}": func(w http.ResponseWriter, r *http.Request) {
			b, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxControlBody))
			if err == nil {
				err = p.SetPhoto(r.URL.Query().Get("user"), r.PathValue("id"), b)
			}
			ControlAnswer(w, map[string]any{}, err)
		},
		"GET /sandbox/photos/{id...}": func(w http.ResponseWriter, r *http.Request) {
			b, err := p.Photo(r.URL.Query().Get("user"), r.PathValue("id"))
			switch {
			case err != nil:
				ControlAnswer(w, nil, err)
			case len(b) == 0:
				ControlError(w, http.StatusNotFound, "the contact has no picture")
			default:
				w.Header().Set("Content-Type", http.DetectContentType(b))
				_, _ = w.Write(b)
			}
		},
	}
}
