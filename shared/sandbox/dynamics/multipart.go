package dynamics

import (
	"bufio"
	"bytes"
	"mime"
	"net/http"
	"net/textproto"
	"slices"
	"strings"
)

// splitParts takes a multipart body apart. It is strict: lines end in CR LF, nothing but empty lines stands before the first boundary
// and after the last one.
func splitParts(body []byte, boundary string) ([][]byte, *apiError) {
	for bytes.HasPrefix(body, []byte("\r\n")) {
		body = body[2:]
	}
	text, ok := bytes.CutPrefix(body, []byte("--"+boundary+"\r\n"))
	if !ok {
		return nil, badBatch("it does not begin with its boundary and CR LF.")
	}
	var out [][]byte
	for {
		i := bytes.Index(text, []byte("\r\n--"+boundary))
		if i < 0 {
			return nil, badBatch("it does not end with its boundary and --, or lines do not end in CR LF.")
		}
		out = append(out, text[:i])
		text = text[i+len("\r\n--"+boundary):]
		if rest, last := bytes.CutPrefix(text, []byte("--")); last {
			if len(bytes.Trim(rest, "\r\n")) > 0 {
				return nil, badBatch("something stands after its end.")
			}
			return out, nil
		}
		if text, ok = bytes.CutPrefix(text, []byte("\r\n")); !ok {
			return nil, badBatch("a boundary is not followed by CR LF.")
		}
	}
}

// headers reads the lines up to the empty one.
func headers(part []byte) (textproto.MIMEHeader, []byte, *apiError) {
	head, rest, ok := bytes.Cut(part, []byte("\r\n\r\n"))
	if !ok {
		// The empty line of a request without a body may be the one before the boundary: clients in wide use write it so.
		head, ok = bytes.CutSuffix(part, []byte("\r\n"))
	}
	if !ok {
		return nil, nil, badBatch("headers do not end in an empty line of CR LF.")
	}
	if bytes.Count(head, []byte("\n")) != bytes.Count(head, []byte("\r\n")) {
		return nil, nil, badBatch("a line of a header does not end in CR LF.")
	}
	h, err := textproto.NewReader(bufio.NewReader(bytes.NewReader(append(slices.Clone(head), "\r\n\r\n"...)))).ReadMIMEHeader()
	if err != nil {
		return nil, nil, badBatch("a header does not parse.")
	}
	return h, rest, nil
}

// parseBatch reads the operations of a batch.
func parseBatch(body []byte, boundary string) ([]*piece, *apiError) {
	parts, e := splitParts(body, boundary)
	if e != nil {
		return nil, e
	}
	var out []*piece
	for _, part := range parts {
		h, rest, e := headers(part)
		if e != nil {
			return nil, e
		}
		kind, params, err := mime.ParseMediaType(h.Get("Content-Type"))
		if err == nil && kind == "multipart/mixed" && params["boundary"] != "" {
			set, e := parseSet(rest, params["boundary"])
			if e != nil {
				return nil, e
			}
			out = append(out, set)
			continue
		}
		p, e := parsePiece(h, rest)
		if e != nil {
			return nil, e
		}
		out = append(out, p)
	}
	return out, nil
}

func parseSet(body []byte, boundary string) (*piece, *apiError) {
	parts, e := splitParts(body, boundary)
	if e != nil {
		return nil, e
	}
	set := &piece{set: []*piece{}}
	seen := map[string]bool{}
	for _, part := range parts {
		h, rest, e := headers(part)
		if e != nil {
			return nil, e
		}
		p, e := parsePiece(h, rest)
		if e != nil {
			return nil, e
		}
		if p.id != "" && seen[p.id] {
			return nil, badBatch("the Content-ID %s comes twice.", p.id)
		}
		seen[p.id] = true
		set.set = append(set.set, p)
	}
	return set, nil
}

// parsePiece reads the request in a part.
func parsePiece(h textproto.MIMEHeader, rest []byte) (*piece, *apiError) {
	if kind, _, err := mime.ParseMediaType(h.Get("Content-Type")); err != nil || kind != "application/http" {
		return nil, badBatch("the Content-Type of a part must be application/http or multipart/mixed.")
	}
	if h.Get("Content-Transfer-Encoding") != "binary" {
		return nil, badBatch("the Content-Transfer-Encoding of a part must be binary.")
	}
	line, after, ok := bytes.Cut(rest, []byte("\r\n"))
	words := strings.Split(string(line), " ")
	if !ok || len(words) != 3 || words[2] != "HTTP/1.1" {
		return nil, badBatch("a part does not begin with a request line of HTTP/1.1 that ends in CR LF.")
	}
	p := &piece{id: h.Get("Content-ID"), method: words[0], target: words[1], header: http.Header{}}
	if len(after) == 0 {
		return p, nil
	}
	if body, none := bytes.CutPrefix(after, []byte("\r\n")); none {
		p.body = bytes.Trim(body, "\r\n")
		return p, nil
	}
	inner, body, e := headers(after)
	if e != nil {
		return nil, e
	}
	p.header, p.body = http.Header(inner), bytes.Trim(body, "\r\n")
	return p, nil
}
