package zoho_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"meibo/shared/clock"
	"meibo/shared/connector"
	"meibo/shared/connector/zoho"
)

var start = time.Date(2026, 10, 2, 9, 0, 0, 0, time.UTC)

// call is one request that a connector made of a scripted vendor.
type call struct {
	method, path string
	query        url.Values
	header       http.Header
	body         map[string]any
}

// reply is one scripted answer; header is optional.
type reply struct {
	status int
	body   string
	header map[string]string
}

// script is a vendor that answers as a test says. Calls for the field catalogue are answered from fields.
type script struct {
	t      *testing.T
	clock  *clock.Virtual
	fields string
	answer func(c call) reply
	calls  []call // but those for the catalogue
}

const catalogueBody = `{"fields":[
 {"api_name":"First_Name","display_label":"First Name","data_type":"text","length":40},
 {"api_name":"Last_Name","display_label":"Last Name","data_type":"text","length":80,"system_mandatory":true},
 {"api_name":"Email","display_label":"Email","data_type":"email","length":100},
 {"api_name":"Secondary_Email","display_label":"Secondary Email","data_type":"email","length":100},
 {"api_name":"Phone","display_label":"Phone","data_type":"phone","length":30},
 {"api_name":"Mobile","display_label":"Mobile","data_type":"phone","length":30},
 {"api_name":"Mailing_Street","display_label":"Mailing Street","data_type":"text","length":250},
 {"api_name":"Mailing_Zip","display_label":"Mailing Zip","data_type":"text","length":30},
 {"api_name":"Skype_ID","display_label":"Skype ID","data_type":"text","length":50},
 {"api_name":"Account_Name","display_label":"Account Name","data_type":"lookup","length":120},
 {"api_name":"Date_of_Birth","display_label":"Date of Birth","data_type":"date"},
 {"api_name":"Full_Name","display_label":"Full Name","data_type":"text","read_only":true},
 {"api_name":"Furigana","display_label":"フリガナ","data_type":"text","length":80,"custom_field":true},
 {"api_name":"Rank","display_label":"Rank","data_type":"picklist","custom_field":true,
  "pick_list_values":[{"actual_value":"-None-"},{"actual_value":"A"},{"actual_value":"B"}]},
 {"api_name":"Score","display_label":"Score","data_type":"double","custom_field":true},
 {"api_name":"Vip","display_label":"VIP","data_type":"boolean","custom_field":true},
 {"api_name":"Sum","display_label":"Sum","data_type":"formula","custom_field":true},
 {"api_name":"Old","display_label":"Old","data_type":"text","custom_field":true,"visible":false}
]}`

func (s *script) RoundTrip(r *http.Request) (*http.Response, error) {
	c := call{method: r.Method, path: strings.TrimPrefix(r.URL.Path, "/crm/v8"), query: r.URL.Query(), header: r.Header}
	if r.Body != nil {
		b, _ := io.ReadAll(r.Body)
		if len(b) > 0 && json.Unmarshal(b, &c.body) != nil {
			s.t.Errorf("%s %s: the body is no JSON object", c.method, c.path)
		}
	}
	var a reply
	if c.path == "/settings/fields" && c.method == http.MethodGet && s.fields != "" {
		a = reply{status: 200, body: s.fields}
	} else {
		s.calls = append(s.calls, c)
		a = s.answer(c)
	}
	h := http.Header{"Date": {s.clock.Now().Format(http.TimeFormat)}}
	for k, v := range a.header {
		h.Set(k, v)
	}
	return &http.Response{StatusCode: a.status, Header: h, Body: io.NopCloser(strings.NewReader(a.body)), Request: r}, nil
}

// scripted returns a connector on a vendor that answers as answer says.
func scripted(t *testing.T, answer func(c call) reply) (*zoho.Connector, *script) {
	t.Helper()
	s := &script{t: t, clock: clock.NewVirtual(start, true), fields: catalogueBody, answer: answer}
	return open(t, s, zoho.Config{}), s
}

func open(t *testing.T, s *script, cfg zoho.Config) *zoho.Connector {
	t.Helper()
	cfg.Client, cfg.APIDomain, cfg.Clock = &http.Client{Transport: s}, "https://www.zohoapis.jp", s.clock
	c, err := zoho.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (s *script) count(method, path string) int {
	n := 0
	for _, c := range s.calls {
		if c.method == method && c.path == path {
			n++
		}
	}
	return n
}

// stamp is a time as the vendor writes it for a user in Tokyo.
func stamp(t time.Time) string {
	return t.In(time.FixedZone("", 9*3600)).Format(time.RFC3339)
}

// rows is a listing of records id..., all modified at one time.
func rows(more bool, token string, modified time.Time, ids ...int) reply {
	var data []string
	for _, id := range ids {
		data = append(data, fmt.Sprintf(`{"id":"%d","First_Name":"G%d","Last_Name":"F","Email":null,"Created_Time":%q,"Modified_Time":%q}`,
			id, id, stamp(modified), stamp(modified)))
	}
	next := "null"
	if token != "" {
		next = fmt.Sprintf("%q", token)
	}
	return reply{status: 200, body: fmt.Sprintf(`{"data":[%s],"info":{"count":%d,"more_records":%v,"next_page_token":%s}}`,
		strings.Join(data, ","), len(ids), more, next)}
}

func ids(p connector.Page) string {
	var out []string
	for _, it := range p.Changed {
		out = append(out, it.ID)
	}
	return strings.Join(out, ",")
}

func dead(p connector.Page) string {
	var out []string
	for _, d := range p.Deleted {
		out = append(out, d.ID)
	}
	return strings.Join(out, ",")
}

var (
	nothing   = reply{status: 204}
	unchanged = reply{status: 304}
)

func refusal(status int, code, details string) reply {
	return reply{status: status, body: fmt.Sprintf(`{"code":%q,"details":%s,"message":"m","status":"error"}`, code, details)}
}
