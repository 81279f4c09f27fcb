package pipedrive

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"meibo/shared/connector"
)

// ReadHook reads one webhook of version 2: a connector.HookReader. What it proves itself with is the password of its Basic
// credentials; the user beside it is the watch's id, which the address it came to has as well. A merge is two notices: the person that
// went, and the one that it went into. Of the person itself nothing is used.
func ReadHook(d connector.Delivery) (connector.Reading, error) {
	var body struct {
		Meta *struct {
			Action  string `json:"action"`
			Entity  string `json:"entity"`
			ID      num    `json:"entity_id"`
			Event   string `json:"id"`
			Time    moment `json:"timestamp"`
			Webhook num    `json:"webhook_id"`
			Into    num    `json:"merged_to_id"`
			From    num    `json:"merged_from_id"`
		} `json:"meta"`
	}
	if json.Unmarshal(d.Body, &body) != nil || body.Meta == nil || body.Meta.Action == "" || body.Meta.Entity == "" {
		return connector.Reading{}, connector.ErrMalformed
	}
	m := body.Meta
	n := connector.Notice{Proof: password(d.Header), Event: m.Event, At: time.Time(m.Time), Kind: connector.NoticeHello}
	if m.Webhook > 0 {
		n.Subscription = m.Webhook.String()
	}
	if m.Entity != "person" {
		return connector.Reading{Notices: []connector.Notice{n}}, nil
	}
	if m.ID <= 0 {
		return connector.Reading{}, connector.ErrMalformed
	}
	// What is done to a person that is not a deletion is a change, whatever words there will be for it.
	n.Kind, n.IDs = connector.NoticeChanged, []string{m.ID.String()}
	if m.Action == "delete" {
		n.Kind = connector.NoticeDeleted
	}
	out := []connector.Notice{n}
	for kind, other := range map[connector.NoticeKind]num{connector.NoticeChanged: m.Into, connector.NoticeDeleted: m.From} {
		if other <= 0 || other == m.ID {
			continue
		}
		also := n
		also.Kind, also.IDs = kind, []string{other.String()}
		if also.Event != "" {
			also.Event += "/merge"
		}
		out = append(out, also)
	}
	return connector.Reading{Notices: out}, nil
}

// password is that of the delivery's Basic credentials.
func password(h http.Header) string {
	_, pass, _ := (&http.Request{Header: h}).BasicAuth()
	return pass
}

// moment is a time: RFC 3339, or seconds since 1970.
type moment time.Time

// UnmarshalJSON takes either; what it cannot read is no time.
func (m *moment) UnmarshalJSON(b []byte) error {
	s := strings.Trim(string(b), `"`)
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		*m = moment(t.UTC())
	} else if n, err := strconv.ParseInt(s, 10, 64); err == nil && n > 0 {
		if n > 1e11 { // milliseconds
			n /= 1000
		}
		*m = moment(time.Unix(n, 0).UTC())
	}
	return nil
}
