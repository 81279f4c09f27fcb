package sansan

import (
	"errors"
	"fmt"
	"net/http"

	"meibo/shared/sandbox"
)

// refusal is an error of the API.
type refusal struct {
	status  int
	message string
}

func (r *refusal) Error() string { return r.message }

func refuse(status int) *refusal { return &refusal{status, http.StatusText(status)} }

func bad(format string, args ...any) *refusal {
	return &refusal{http.StatusBadRequest, fmt.Sprintf(format, args...)}
}

func notFound() *refusal { return refuse(http.StatusNotFound) }

// writeError writes the body of v1, which nothing says has changed.
func writeError(w http.ResponseWriter, err error) {
	var r *refusal
	if !errors.As(err, &r) {
		r = &refusal{http.StatusInternalServerError, err.Error()}
	}
	sandbox.WriteJSON(w, r.status, map[string]any{
		"statusCode": r.status, "message": r.message, "error": []any{map[string]any{"code": fmt.Sprintf("E%d", r.status)}},
	})
}
