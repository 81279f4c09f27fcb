package pipedrive_test

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"meibo/shared/connector"
	"meibo/shared/connector/pipedrive"
	"meibo/shared/record"
)

func TestNew(t *testing.T) {
	for _, d := range []string{"", "pipedrive.com", "ftp://x.pipedrive.com", ":"} {
		if _, err := pipedrive.New(pipedrive.Config{Client: http.DefaultClient, APIDomain: d}); !errors.Is(err, connector.ErrMisconfigured) {
			t.Errorf("%q: got %v", d, err)
		}
	}
	if _, err := pipedrive.New(pipedrive.Config{APIDomain: domain}); !errors.Is(err, connector.ErrMisconfigured) {
		t.Errorf("without a client: got %v", err)
	}
}

func TestIdentify(t *testing.T) {
	c, _ := scripted(t, func(call) reply { return data(me, "") })
	got, err := c.Identify(t.Context())
	want := connector.Identity{AccountID: "15043420:5", Email: "mira@ecospin.example", Name: "Mira Holt", CompanyID: "15043420", Company: "Ecospin", Region: "EE"}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestGroups(t *testing.T) {
	c, s := scripted(t, func(call) reply {
		return data(`[{"id":8,"name":"VIP","active_flag":true,"type":"people"},{"id":9,"name":"old","active_flag":false},{"id":10,"name":"x","temporary_flag":true},{"id":11,"name":"deals","type":"deals"}]`, "")
	})
	got, err := c.Groups(t.Context())
	if want := []connector.Group{{ID: "8", Name: "VIP", Members: -1}}; err != nil || !slices.Equal(got, want) {
		t.Errorf("got %+v, %v", got, err)
	}
	if q := s.last("GET /api/v1/filters").query.Get("type"); q != "people" {
		t.Errorf("asked for filters of %q", q)
	}
}

func keysOf(fs []record.Field) []record.Key {
	var out []record.Key
	for _, f := range fs {
		out = append(out, f.Key)
	}
	return out
}

func TestCatalogue(t *testing.T) {
	always := []record.Key{record.NameGiven, record.NameFamily, record.Email, record.Phone, record.OrgName}
	own := []record.Key{record.Photo, record.Custom(codeYomi), record.Custom(codeRank), record.Custom(codeSize)}
	optional := []record.Key{record.IM, record.Address, record.Note, record.Birthday, record.OrgTitle}
	describe := func(t *testing.T, c *pipedrive.Connector) connector.Description {
		t.Helper()
		d, err := c.Describe(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	t.Run("a company with contact sync has its members", func(t *testing.T) {
		c, _ := scripted(t, nil)
		d := describe(t, c)
		if got, want := keysOf(d.Fields), slices.Concat(always, optional, own); !slices.Equal(got, want) {
			t.Errorf("got %v\nwant %v", got, want)
		}
		if f, _ := d.Field(record.Custom(codeRank)); !slices.Equal(f.Choices, []string{"Gold", "Tin"}) || !f.Custom {
			t.Errorf("the choice field: %+v", f)
		}
	})
	t.Run("one without gets a field for each that is made, once, and keeps it", func(t *testing.T) {
		made := ""
		c, s := scripted(t, nil)
		s.fields = catalogue(builtin)
		s.answer = func(c call) reply {
			if c.op() != "POST /api/v2/personFields" {
				return refusal(404, "no")
			}
			code := strings.Repeat(string("abcdef"[strings.Count(made, "field_code")]), 40)
			made += `,{"field_name":"` + c.body["field_name"].(string) + `","field_code":"` + code + `","field_type":"` + c.body["field_type"].(string) + `","is_custom_field":true}`
			s.fields = catalogue(builtin, made)
			return data(`{"field_code":"`+code+`"}`, "")
		}
		if got, want := keysOf(describe(t, c).Fields), slices.Concat(always, own); !slices.Equal(got, want) {
			t.Fatalf("before: got %v", got)
		}
		for _, k := range slices.Concat(optional, optional) {
			f, err := c.MakeField(t.Context(), record.Field{Key: k})
			if err != nil || f.Key != k || f.ReadOnly {
				t.Errorf("%s: %+v, %v", k, f, err)
			}
		}
		if n := s.count("POST /api/v2/personFields"); n != len(optional) {
			t.Errorf("%d made, want %d", n, len(optional))
		}
		d := describe(t, c)
		if got, want := keysOf(d.Fields), slices.Concat(always, optional, own); !slices.Equal(got, want) {
			t.Errorf("after: got %v\nwant %v", got, want)
		}
		t.Run("also when contact sync is set up later, since the values are there", func(t *testing.T) {
			s.fields = catalogue(builtin, made, contactSync)
			if got := describe(t, c).Fields; !slices.Equal(keysOf(got), keysOf(d.Fields)) {
				t.Errorf("got %v", keysOf(got))
			}
			s.answer = func(c call) reply { return data(row(9, 5, "A", start), "") }
			if r := one(t, c, create(record.Fields{record.OrgTitle: text("Lead"), record.NameGiven: text("A")})); r.Err != nil {
				t.Fatal(r.Err)
			}
			body := s.last("POST /api/v2/persons").body
			if _, direct := body["job_title"]; direct || !reflect.DeepEqual(body["custom_fields"], map[string]any{strings.Repeat("e", 40): "Lead"}) {
				t.Errorf("wrote %v", body)
			}
		})
		t.Run("messengers come back from a field of text", func(t *testing.T) {
			vs := []record.Value{{Text: "aiko", Parts: map[record.Part]string{record.PartService: "skype"}}, {Text: "live:cleo"}, {Text: "bo"},
				{Text: "live:dan", Parts: map[record.Part]string{record.PartService: "skype"}}}
			s.answer = func(c call) reply {
				custom, _ := c.body["custom_fields"].(map[string]any)
				text, _ := custom[strings.Repeat("a", 40)].(string)
				return data(`{"id":9,"name":"A","custom_fields":{"`+strings.Repeat("a", 40)+`":"`+strings.ReplaceAll(text, "\n", `\n`)+`"}}`, "")
			}
			r := one(t, c, create(record.Fields{record.IM: vs}))
			if r.Err != nil || !reflect.DeepEqual(r.Item.Record.Fields[record.IM], vs) {
				t.Errorf("got %+v, %v", r.Item, r.Err)
			}
		})
	})
	t.Run("one's own field is found by its name", func(t *testing.T) {
		c, s := scripted(t, nil)
		f, err := c.MakeField(t.Context(), record.Field{Key: record.Custom("x"), Name: "yomi", Type: record.TypeText})
		if err != nil || f.Key != record.Custom(codeYomi) || len(s.calls) != 0 {
			t.Errorf("%+v, %v, %d calls", f, err, len(s.calls))
		}
	})
	t.Run("who may not add fields is told so", func(t *testing.T) {
		c, s := scripted(t, func(call) reply { return refusal(403, "no") })
		s.fields = catalogue(builtin)
		_, err := c.MakeField(t.Context(), record.Field{Key: record.Note})
		var no *connector.ForbiddenError
		if !errors.As(err, &no) || no.What != "add custom fields" {
			t.Errorf("got %v", err)
		}
	})
}

func TestPhotos(t *testing.T) {
	picture := []byte("\x89PNG\r\n\x1a\nxx")
	elsewhere := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" {
			t.Error("the authorisation went to another host")
		}
		_, _ = w.Write(picture)
	}))
	defer elsewhere.Close()
	answer := func(c call) reply {
		switch c.path {
		case "/api/v2/persons":
			return data(rows(row(1, 5, "A", start), strings.Replace(row(2, 5, "B", start), `"picture_id":null`, `"picture_id":901`, 1),
				strings.Replace(row(3, 5, "C", start), `"picture_id":null`, `"picture_id":902`, 1)), "")
		case "/api/v2/persons/2/picture":
			return data(`{"id":901,"pictures":{"128":"`+domain+`/pictures/s.png","512":"`+domain+`/pictures/l.png"}}`, "")
		case "/api/v2/persons/3/picture":
			return data(`{"id":902,"pictures":{"128":"`+elsewhere.URL+`/s.png"}}`, "")
		case "/pictures/l.png":
			return reply{status: 200, body: string(picture), header: map[string]string{"Content-Type": "image/png"}}
		}
		return refusal(404, "no")
	}
	t.Run("each comes in its larger size, and from another host without authorisation", func(t *testing.T) {
		_, s := scripted(t, answer)
		c := open(t, s, pipedrive.Config{Pictures: elsewhere.Client()})
		got, err := c.Photos(t.Context(), []string{"1", "2", "3", "4"})
		if err != nil || len(got) != 4 || got[0] != nil || got[3] != nil {
			t.Fatalf("%v, %v", got, err)
		}
		for _, p := range got[1:3] {
			if !bytes.Equal(p.Data, picture) || p.Type != "image/png" {
				t.Errorf("got %q of type %s", p.Data, p.Type)
			}
		}
	})
	t.Run("without leave to ask another host it is only known to be there", func(t *testing.T) {
		c, _ := scripted(t, answer)
		got, err := c.Photos(t.Context(), []string{"1", "2", "3"})
		if err != nil || got[2] == nil || len(got[2].Data) != 0 || len(got[1].Data) == 0 {
			t.Errorf("%v, %v", got, err)
		}
	})
	t.Run("one is stored as a file", func(t *testing.T) {
		c, s := scripted(t, func(call) reply { return data(`{"7":{"id":7}}`, "") })
		if err := c.SetPhoto(t.Context(), "9", connector.Photo{Data: picture, Type: "image/png"}); err != nil {
			t.Fatal(err)
		}
		sent := s.last("POST /api/v1/persons/9/picture")
		_, params, _ := mime.ParseMediaType(sent.contentType)
		part, err := multipart.NewReader(bytes.NewReader(sent.raw), params["boundary"]).NextPart()
		if err != nil || part.FormName() != "file" || part.Header.Get("Content-Type") != "image/png" {
			t.Fatalf("%v, %v", part, err)
		}
		if b, _ := io.ReadAll(part); !bytes.Equal(b, picture) {
			t.Errorf("sent %q", b)
		}
	})
	t.Run("what the vendor does not take is refused", func(t *testing.T) {
		c, s := scripted(t, func(call) reply { return refusal(400, "too small") })
		for _, p := range []connector.Photo{{Data: picture, Type: "image/webp"}, {Type: "image/png"}, {Data: picture, Type: "image/png"}} {
			var bad *connector.InvalidError
			if err := c.SetPhoto(t.Context(), "9", p); !errors.As(err, &bad) || bad.Field != "photo" {
				t.Errorf("got %v", err)
			}
		}
		if n := s.count("POST /api/v1/persons/9/picture"); n != 1 {
			t.Errorf("%d were sent, want 1", n)
		}
	})
}

func TestWatch(t *testing.T) {
	list := "null"
	status := 201
	c, s := scripted(t, func(c call) reply {
		switch c.method {
		case "GET":
			return data(list, "")
		case "DELETE":
			return reply{status: 200, body: `{"status":"ok","success":true}`}
		}
		if status != 201 {
			return reply{status: status, body: `{"status":"error","success":false,"errors":{"subscription_url":["invalid or non-reachable URL"]}}`}
		}
		return reply{status: 201, body: `{"status":"ok","success":true,"data":{"id":99231,"is_active":1}}`}
	})
	w := connector.Watch{ID: "123456789012345678", URL: "https://meibo.example/hooks/pipedrive/123456789012345678", Secret: "abcdEFGH", Until: start.AddDate(0, 0, 7)}
	if targets, err := c.Targets(t.Context(), connector.Scope{}); err != nil || !slices.Equal(targets, []string{""}) {
		t.Errorf("targets %v, %v", targets, err)
	}
	sub, err := c.Watch(t.Context(), w)
	if want := (connector.Subscription{ID: "99231", Expires: start.Add(48 * time.Hour)}); err != nil || !reflect.DeepEqual(sub, want) {
		t.Fatalf("got %+v, %v", sub, err)
	}
	want := map[string]any{"subscription_url": w.URL, "event_action": "*", "event_object": "person", "name": "Meibo", "version": "2.0", "http_auth_user": w.ID, "http_auth_password": w.Secret}
	if got := s.last("POST /api/v1/webhooks").body; !reflect.DeepEqual(got, want) {
		t.Errorf("asked for %v", got)
	}
	mine := `{"id":7,"subscription_url":"` + w.URL + `","event_action":"*","event_object":"person","version":"2.0","is_active":1,"http_auth_user":"` + w.ID + `","http_auth_password":"abcdEFGH"}`
	t.Run("one that was made by a call whose answer was lost is taken over", func(t *testing.T) {
		list = "[" + mine + "]"
		got, err := c.Watch(t.Context(), w)
		if err != nil || got.ID != "7" || s.count("POST /api/v1/webhooks") != 1 {
			t.Errorf("got %+v, %v", got, err)
		}
	})
	t.Run("one with another password is replaced", func(t *testing.T) {
		list = "[" + strings.Replace(mine, "abcdEFGH", "other", 1) + "]"
		got, err := c.Watch(t.Context(), w)
		if err != nil || got.ID != "99231" || s.count("DELETE /api/v1/webhooks/7") != 1 {
			t.Errorf("got %+v, %v", got, err)
		}
	})
	t.Run("it stands, is off, or is gone", func(t *testing.T) {
		for body, stands := range map[string]bool{mine: true, strings.Replace(mine, `"is_active":1`, `"is_active":0`, 1): false, strings.Replace(mine, `"id":7`, `"id":8`, 1): false} {
			list = "[" + body + "]"
			_, err := c.Renew(t.Context(), connector.Subscription{ID: "7"}, w)
			if stands != (err == nil) || !stands && !errors.Is(err, connector.ErrNotFound) {
				t.Errorf("stands %v: got %v", stands, err)
			}
		}
	})
	t.Run("one that is gone is no error to end", func(t *testing.T) {
		c, _ := scripted(t, func(call) reply { return refusal(404, "not found") })
		if err := c.Unwatch(t.Context(), connector.Subscription{ID: "7"}); err != nil {
			t.Error(err)
		}
	})
	t.Run("where it may not be made the connection polls, and is told why", func(t *testing.T) {
		list = "[]"
		for _, s := range []int{400, 403, 422} {
			status = s
			_, err := c.Watch(t.Context(), w)
			var no *connector.ForbiddenError
			if !errors.As(err, &no) || no.Cure == "" || strings.Contains(err.Error(), w.Secret) {
				t.Errorf("%d: got %v", s, err)
			}
		}
	})
}
