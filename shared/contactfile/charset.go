package contactfile

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/unicode"
)

var errNotText = errors.New("it is not text in the charset that it names")

// fromUnicode takes a byte-order mark off data, and turns UTF-16 into UTF-8.
func fromUnicode(data []byte) ([]byte, error) {
	switch {
	case bytes.HasPrefix(data, []byte{0xEF, 0xBB, 0xBF}):
		return data[3:], nil
	case bytes.HasPrefix(data, []byte{0xFF, 0xFE}), bytes.HasPrefix(data, []byte{0xFE, 0xFF}):
		return unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewDecoder().Bytes(data)
	}
	return data, nil
}

// decodeNamed turns text of a named charset into UTF-8. It refuses unknown names and bytes that the charset does not have.
func decodeNamed(charset string, raw []byte) (string, error) {
	enc, err := htmlindex.Get(strings.TrimSpace(charset))
	if err != nil {
		return "", fmt.Errorf("its charset %q is not known", charset)
	}
	return decode(enc, raw)
}

func decode(enc encoding.Encoding, raw []byte) (string, error) {
	if enc == unicode.UTF8 {
		if !utf8.Valid(raw) {
			return "", errNotText
		}
		return string(raw), nil
	}
	out, err := enc.NewDecoder().Bytes(raw)
	if err != nil || bytes.ContainsRune(out, utf8.RuneError) {
		return "", errNotText
	}
	return string(out), nil
}

// guess decides the charset of text that names none: UTF-8, Shift_JIS (in Windows' form) when it reads as Japanese, and Windows-1252
// otherwise. A few broken bytes do not change what the rest is: they fail on their own lines.
func guess(data []byte) encoding.Encoding {
	if utf8.Valid(data) {
		return unicode.UTF8
	}
	good, bad := 0, 0
	for rest := data; len(rest) > 0; {
		r, n := utf8.DecodeRune(rest)
		switch {
		case r == utf8.RuneError && n == 1:
			bad++
		case n > 1:
			good++
		}
		rest = rest[n:]
	}
	if good > 4*bad {
		return unicode.UTF8
	}
	if looksShiftJIS(data) {
		return japanese.ShiftJIS
	}
	return charmap.Windows1252
}

// looksShiftJIS says whether data has what European text has not, the lead bytes of kana, or two high bytes in one character, and
// hardly anything that is no Shift_JIS. (An accented letter before a plain one also decodes, as a rare kanji.)
func looksShiftJIS(data []byte) bool {
	out, err := japanese.ShiftJIS.NewDecoder().Bytes(data)
	if err != nil {
		return false
	}
	bad := bytes.Count(out, []byte(string(utf8.RuneError)))
	proof := 0
	for i := 0; i < len(data); i++ {
		b := data[i]
		switch {
		case b < 0x80 || b >= 0xA1 && b <= 0xDF: // ASCII, or half-width kana in one byte
		case i+1 < len(data):
			if b == 0x82 || b == 0x83 || data[i+1] >= 0x80 {
				proof++
			}
			i++
		}
	}
	return proof > 20*bad
}
