package plan

import (
	"net/mail"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"meibo/shared/record"
)

// ValidEmail reports whether text is an e-mail address to which a message could be sent, as far as its form tells (HD7). It is one
// address by itself, with a local part and a domain of at least two labels, as package net/mail reads it, and besides:
//
//   - white space around it does not count;
//   - other scripts than Latin are fine on both sides of the @, in a domain (IDN) as in a local part (RFC 6531);
//   - the dots of a local part may follow each other or stand at its end, as in addresses that Japanese carriers gave out;
//   - letters, digits and signs of full or half width (ｔａｒｏ＠ｅｘａｍｐｌｅ．ｊｐ) are no address: they are typed that way by
//     mistake, and no system delivers to them;
//   - neither is one with a sign in it that cannot be seen, as copying from a page leaves them, or with a space;
//   - neither is an address in quotation marks, a number in brackets for a domain, or one that is too long for SMTP.
func ValidEmail(text string) bool {
	text = strings.TrimSpace(text)
	at := strings.LastIndexByte(text, '@')
	if at < 1 || at > 64 || len(text) > 254 || norm.NFKC.String(text) != norm.NFC.String(text) || strings.ContainsFunc(text, unfit) {
		return false
	}
	local, domain := text[:at], text[at+1:]
	if !validDomain(domain) || strings.HasPrefix(local, ".") {
		return false
	}
	for strings.Contains(local, "..") {
		local = strings.ReplaceAll(local, "..", ".")
	}
	plain := strings.TrimSuffix(local, ".") + "@" + domain
	a, err := mail.ParseAddress(plain)
	return err == nil && a.Address == plain
}

// unfit reports whether a sign is in no address that a message could be sent to.
func unfit(r rune) bool {
	return strings.ContainsRune("\"()<>[]", r) || unicode.IsSpace(r) || !unicode.IsGraphic(r)
}

// validDomain reports whether labels of a domain are neither missing, too long nor badly bounded, and the last one is a name.
func validDomain(domain string) bool {
	labels := strings.Split(domain, ".")
	for _, l := range labels {
		if l == "" || len(l) > 63 || strings.HasPrefix(l, "-") || strings.HasSuffix(l, "-") || strings.ContainsAny(l, "_@") {
			return false
		}
	}
	return len(labels) > 1 && strings.Trim(labels[len(labels)-1], "0123456789") != ""
}

// AnyEmail reports whether one of the values is a valid e-mail address.
func AnyEmail(vs []record.Value) bool {
	for _, v := range vs {
		if ValidEmail(v.Text) {
			return true
		}
	}
	return false
}
