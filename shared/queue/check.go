package queue

import (
	"errors"
	"fmt"
	"unicode/utf8"
)

// ErrInvalid: SQS would refuse the message as it stands.
var ErrInvalid = errors.New("queue: invalid message")

// MaxID is how many characters a group or a deduplication id may have.
const MaxID = 128

// Check returns ErrTooLarge or ErrInvalid, wrapped, if SQS would not take m. Every Sender checks all messages before it sends
// the first.
func Check(m Message) error {
	if len(m.Body) > MaxBody {
		return fmt.Errorf("%w: %d bytes, at most %d", ErrTooLarge, len(m.Body), MaxBody)
	}
	if err := checkID("group", m.Group); err != nil {
		return err
	}
	if err := checkID("deduplication id", m.Dedup); err != nil {
		return err
	}
	return checkBody(m.Body)
}

// CheckAll checks every message.
func CheckAll(ms []Message) error {
	for i, m := range ms {
		if err := Check(m); err != nil {
			return fmt.Errorf("message %d: %w", i, err)
		}
	}
	return nil
}

func checkID(what, id string) error {
	if id == "" || len(id) > MaxID {
		return fmt.Errorf("%w: its %s has %d characters, it takes 1 to %d", ErrInvalid, what, len(id), MaxID)
	}
	for _, c := range []byte(id) {
		if c <= ' ' || c > '~' { // letters, digits and punctuation
			return fmt.Errorf("%w: its %s has a character that is not a letter, digit or punctuation mark of ASCII", ErrInvalid, what)
		}
	}
	return nil
}

// checkBody: SQS takes the characters of XML 1.0.
func checkBody(b []byte) error {
	if len(b) == 0 {
		return fmt.Errorf("%w: it has no body", ErrInvalid)
	}
	if !utf8.Valid(b) {
		return fmt.Errorf("%w: its body is not UTF-8", ErrInvalid)
	}
	for _, r := range string(b) {
		if r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == 0xfffe || r == 0xffff {
			return fmt.Errorf("%w: its body has the character %U", ErrInvalid, r)
		}
	}
	return nil
}
