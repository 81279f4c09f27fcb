package zoho

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"meibo/shared/connector"
)

// notification is what Meibo reads of a channel's call. The values that it may carry are not read.
type notification struct {
	Module    string      `json:"module"`
	Operation string      `json:"operation"`
	Channel   flexible    `json:"channel_id"`
	Token     string      `json:"token"`
	IDs       []flexible  `json:"ids"`
	Time      json.Number `json:"server_time"`
}

// flexible is an id, which Zoho writes as text or as a number.
type flexible string

// UnmarshalJSON accepts text and whole numbers.
func (f *flexible) UnmarshalJSON(b []byte) error {
	var s string
	if json.Unmarshal(b, &s) == nil {
		*f = flexible(s)
		return nil
	}
	var n json.Number
	if err := json.Unmarshal(b, &n); err != nil {
		return err
	}
	*f = flexible(n.String())
	return nil
}

// ReadHook reads the call of a notification channel; it is a connector.HookReader. The proof is the channel's token: Zoho signs
// nothing. Zoho gives its calls no id either, so one that bears a time is known by its digest.
func ReadHook(d connector.Delivery) (connector.Reading, error) {
	var n notification
	if json.Unmarshal(d.Body, &n) != nil || n.Channel == "" || n.Token == "" || n.Operation == "" {
		return connector.Reading{}, fmt.Errorf("%w: it is no call of a notification channel", connector.ErrMalformed)
	}
	out := connector.Notice{Subscription: string(n.Channel), Proof: n.Token, Kind: connector.NoticeChanged}
	switch n.Operation {
	case "delete":
		out.Kind = connector.NoticeDeleted
	case "insert", "update", "create", "edit": // the last two are what subscriptions call them
	default:
		// An operation of a later version is a reason to look, and not for more.
		n.IDs = nil
	}
	if ms, err := n.Time.Int64(); err == nil && ms > 0 {
		out.At = time.UnixMilli(ms).UTC()
		sum := sha256.Sum256(d.Body)
		out.Event = hex.EncodeToString(sum[:16])
	}
	if n.Module == "Contacts" {
		seen := make(map[flexible]bool, len(n.IDs)) // whoever sends it has proven nothing yet: many ids must not cost much
		for _, id := range n.IDs {
			if id != "" && !seen[id] {
				seen[id] = true
				out.IDs = append(out.IDs, string(id))
			}
		}
	}
	return connector.Reading{Notices: []connector.Notice{out}}, nil
}
