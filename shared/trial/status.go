package trial

import (
	"context"
	"net/http"
	"net/url"

	"meibo/shared/profile"
)

// status is what Meibo says of one record.
type status struct {
	CRM   string `json:"crm"`
	Book  string `json:"book"`
	State string `json:"state"`
	Code  string `json:"code"`
	Made  string `json:"made"` // the side on which Meibo made it; "" if it was on both
	Held  []struct {
		Side  profile.Side `json:"side"`
		Field string       `json:"field"`
		Count int          `json:"count"`
	} `json:"held"`
}

// statuses reads what Meibo says of every record, or of the first most if most is not 0.
func (t *trial) statuses(ctx context.Context, most int) ([]status, error) {
	var out []status
	page := ""
	for {
		var in struct {
			Items []status `json:"items"`
			Next  string   `json:"next"`
		}
		if err := t.api.do(ctx, http.MethodGet, t.path+"/records?limit=100&page="+url.QueryEscape(page), nil, &in); err != nil {
			return nil, err
		}
		out = append(out, in.Items...)
		if in.Next == "" || most > 0 && len(out) >= most {
			return out, nil
		}
		page = in.Next
	}
}
