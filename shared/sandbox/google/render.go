package google

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// listCap is how many e-mail addresses and phone numbers of one person a listing shows.
const listCap = 100

// metadataBit is metadata's place in a mask, beside the kinds.
const metadataBit = 62

// mask is a set of kinds, and metadata.
type mask uint64

func (m mask) has(k kind) bool { return m&(1<<k) != 0 }

func (m mask) metadata() bool { return m&(1<<metadataBit) != 0 }

// readMask parses a read mask. only restricts it further; nil does not.
func (s *schema) readMask(param, text string, only []string) (mask, *apiError) {
	var m mask
	for _, p := range strings.Split(text, ",") {
		k, ok := s.byName[p]
		if p == "metadata" {
			k, ok = metadataBit, true
		} else if ok {
			ok = s.fields[k].read
		}
		if !ok || (only != nil && !slices.Contains(only, p)) {
			return 0, invalid("Invalid %s mask path: %q. Valid paths are documented at https://developers.google.com/people/api/rest/v1/people.", param, p)
		}
		m |= 1 << k
	}
	return m, nil
}

// allFields is the mask of a write's answer when none is asked for.
func (s *schema) allFields() mask {
	m := mask(1 << metadataBit)
	for k, f := range s.fields {
		if f.read {
			m |= 1 << k
		}
	}
	return m
}

func (s *schema) requiredMask(param, text string) (mask, *apiError) {
	if text == "" {
		return 0, invalid("%s mask is required. Please specify one or more valid paths. Valid paths are documented at https://developers.google.com/people/api/rest/v1/people.", param)
	}
	return s.readMask(param, text, nil)
}

// updateMask parses a mask of what to write.
func (s *schema) updateMask(param, text string) (mask, *apiError) {
	if text == "" {
		return 0, invalid("%s mask is required. Please specify one or more valid paths. Valid paths are documented at https://developers.google.com/people/api/rest/v1/people.", param)
	}
	var m mask
	for _, p := range strings.Split(text, ",") {
		k, ok := s.byName[p]
		if !ok || !s.fields[k].update {
			return 0, invalid("Invalid %s mask path: %q. Valid paths are documented at https://developers.google.com/people/api/rest/v1/people.", param, p)
		}
		m |= 1 << k
	}
	return m, nil
}

// sources says which sources an answer shows.
type sources struct{ profile bool }

// parseSources reads a sources list; CONTACT must be in one that is given. An empty one means both, as Google's does.
func parseSources(list []string) (sources, *apiError) {
	if len(list) == 0 {
		return sources{profile: true}, nil
	}
	var src sources
	contact := false
	for _, v := range list {
		switch v {
		case "READ_SOURCE_TYPE_CONTACT":
			contact = true
		case "READ_SOURCE_TYPE_PROFILE":
			src.profile = true
		case "READ_SOURCE_TYPE_DOMAIN_CONTACT":
		default:
			return src, invalid("Invalid sources value %q.", v)
		}
	}
	if !contact {
		return src, invalid("sources must name READ_SOURCE_TYPE_CONTACT.")
	}
	return src, nil
}

// view is how a person is shown.
type view struct {
	mask   mask
	src    sources
	list   bool // by a listing: capped, with a listing's etag
	sync   bool // by an incremental listing: with former names
	origin string
	sub    string
}

// person writes v of c as a Person.
func (s *Sandbox) person(b *bytes.Buffer, c *contact, v *version, w view) {
	etag := s.sourceEtag(c, v)
	how := byte(etagRead)
	if w.list {
		how = etagListing
	}
	fmt.Fprintf(b, `{"resourceName":%q`, personName(v.name))
	if w.mask.metadata() {
		fmt.Fprintf(b, `,"etag":%q,"metadata":{"sources":[`, personEtag(etag, uint64(w.mask), how))
		if v.deleted {
			fmt.Fprintf(b, `{"type":"CONTACT","id":%q}],"deleted":true`, sourceID(c.id))
		} else {
			fmt.Fprintf(b, `{"type":"CONTACT","id":%q,"etag":%q,"updateTime":%q}`, sourceID(c.id), etag, stamp(time.UnixMilli(v.updated)))
			if c.linked && w.src.profile {
				fmt.Fprintf(b, `,{"type":"PROFILE","id":%q,"etag":%q,"profileMetadata":{"objectType":"PERSON","userTypes":["GOOGLE_USER"]}}`, profileID(c), etag)
			}
			b.WriteByte(']')
		}
		if w.sync && len(v.former) > 0 {
			b.WriteString(`,"previousResourceNames":[`)
			for i, n := range v.former {
				if i > 0 {
					b.WriteByte(',')
				}
				b.WriteString(strconv.Quote(personName(n)))
			}
			b.WriteByte(']')
		}
		b.WriteString(`,"objectType":"PERSON"}`)
	}
	if !v.deleted {
		s.personFields(b, c, v, w)
	}
	b.WriteByte('}')
}

func (s *Sandbox) personFields(b *bytes.Buffer, c *contact, v *version, w view) {
	source := `"source":{"type":"CONTACT","id":"` + sourceID(c.id) + `"}`
	for _, f := range v.fields {
		if !w.mask.has(f.kind) {
			continue
		}
		items := f.items
		if w.list && len(items) > listCap && (f.kind == kEmailAddresses || f.kind == kPhoneNumbers) {
			items = items[:listCap]
		}
		fmt.Fprintf(b, `,"%s":[`, s.schema.fields[f.kind].name)
		profile := f.kind == kNames && c.linked && w.src.profile
		if profile {
			b.WriteString(profileName(c, items))
			b.WriteByte(',')
		}
		for i, it := range items {
			if i > 0 {
				b.WriteByte(',')
			}
			b.WriteString(`{"metadata":{`)
			if i == max(f.primary, 0) && !profile {
				b.WriteString(`"primary":true,`)
			}
			if i == f.primary {
				b.WriteString(`"sourcePrimary":true,`)
			}
			b.WriteString(source)
			b.WriteByte('}')
			if len(it) > 2 {
				b.WriteByte(',')
			}
			b.WriteString(it[1:])
		}
		b.WriteByte(']')
	}
	if w.mask.has(kMemberships) && len(v.groups) > 0 {
		b.WriteString(`,"memberships":[`)
		for i, g := range v.groups {
			if i > 0 {
				b.WriteByte(',')
			}
			fmt.Fprintf(b, `{"metadata":{%s},"contactGroupMembership":{"contactGroupId":%q,"contactGroupResourceName":%q}}`, source, g, "contactGroups/"+g)
		}
		b.WriteByte(']')
	}
	if w.mask.has(kPhotos) {
		fmt.Fprintf(b, `,"photos":[{"metadata":{"primary":true,%s},"url":%q`, source, w.origin+photoPath(w.sub, c, v))
		if v.photo == 0 {
			b.WriteString(`,"default":true`)
		}
		b.WriteString("}]")
	}
}

func profileID(c *contact) string { return fmt.Sprintf("1%020d", hash("profile", sourceID(c.id))) }

// profileName is what a linked Google profile calls the person; it differs from the contact, so that a client that mixes the two
// is found out.
func profileName(c *contact, items []string) string {
	var name struct {
		Display string `json:"displayName"`
	}
	if len(items) > 0 {
		_ = json.Unmarshal([]byte(items[0]), &name)
	}
	text, err := json.Marshal(name.Display + " (profile)")
	if err != nil {
		text = []byte(`"(profile)"`)
	}
	return fmt.Sprintf(`{"metadata":{"primary":true,"sourcePrimary":true,"source":{"type":"PROFILE","id":%q}},"displayName":%s,"givenName":%s}`, profileID(c), text, text)
}

// raw is an answer that is JSON already.
type raw []byte

// MarshalJSON returns the bytes as they are.
func (r raw) MarshalJSON() ([]byte, error) { return r, nil }

// onePerson renders what the account holds now.
func (c *call) onePerson(ct *contact, m mask, src sources) raw {
	var b bytes.Buffer
	c.s.person(&b, ct, ct.now(), c.view(m, src))
	return b.Bytes()
}

func (c *call) view(m mask, src sources) view {
	return view{mask: m, src: src, origin: c.s.origin(c.r), sub: c.a.sub}
}

func writeAnswer(w http.ResponseWriter, answer any) {
	b, ok := answer.(raw)
	if !ok {
		var err error
		if b, err = json.Marshal(answer); err != nil {
			writeError(w, internal(err))
			return
		}
	}
	h := w.Header()
	h.Set("Content-Type", "application/json; charset=UTF-8")
	h.Set("Cache-Control", "private")
	_, _ = w.Write(b)
}
