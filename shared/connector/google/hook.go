package google

import (
	"fmt"
	"net/http"
	"strconv"

	"meibo/shared/connector"
)

// The headers of a notification channel's message, which has no body.
const (
	hookChannel = "X-Goog-Channel-ID"
	hookToken   = "X-Goog-Channel-Token"
	hookExpires = "X-Goog-Channel-Expiration"
	hookState   = "X-Goog-Resource-State"
	hookNumber  = "X-Goog-Message-Number"
)

// ReadHook reads a message of a notification channel; it is a connector.HookReader. The People API has no channels, so contacts
// are polled; the messages are those of Google's other APIs, which all look alike. A message names no record: the listing of
// changes tells which.
//
// The proof is the channel's token. Message numbers grow within a channel, so channel and number together tell a message from one
// that comes again.
func ReadHook(d connector.Delivery) (connector.Reading, error) {
	malformed := func(what string) (connector.Reading, error) {
		return connector.Reading{}, fmt.Errorf("%w: %s", connector.ErrMalformed, what)
	}
	channel, number := d.Header.Get(hookChannel), d.Header.Get(hookNumber)
	if channel == "" || len(channel) > 64 {
		return malformed("no notification channel is named")
	}
	if _, err := strconv.ParseUint(number, 10, 64); err != nil {
		return malformed("the message has no number")
	}
	if e := d.Header.Get(hookExpires); e != "" {
		if _, err := http.ParseTime(e); err != nil {
			return malformed("the channel's end is no date")
		}
	}
	n := connector.Notice{Subscription: channel, Proof: d.Header.Get(hookToken), Event: channel + "/" + number}
	switch d.Header.Get(hookState) {
	case "sync":
		n.Kind = connector.NoticeHello
	case "exists":
		n.Kind = connector.NoticeChanged
	case "not_exists":
		n.Kind = connector.NoticeDeleted
	default:
		return malformed("the state is none of a resource")
	}
	return connector.Reading{Notices: []connector.Notice{n}}, nil
}
