package hubspot

import (
	"encoding/base64"
	"fmt"
)

// writeMark makes the cursor behind a member of a segment; clients are not to read it.
func writeMark(m joined) string {
	return base64.RawURLEncoding.EncodeToString([]byte(fmt.Sprintf("%d.%d", m.ID, m.At)))
}

func readMark(text string) (joined, error) {
	if text == "" {
		return joined{}, nil
	}
	var m joined
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err == nil {
		_, err = fmt.Sscanf(string(b), "%d.%d", &m.ID, &m.At)
	}
	if err != nil {
		return m, bad("The cursor is not one of this listing")
	}
	return m, nil
}
