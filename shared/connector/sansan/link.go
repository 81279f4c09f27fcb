package sansan

import (
	"fmt"
	"net/url"
	"strings"

	"meibo/shared/connector"
)

// searchPage is the one page of Sansan's whose address is known to lead to a card.
const searchPage = "https://ap.sansan.com/v/search?q={query}"

// pageAddress is the address of a card's page, with what stands for the card in braces.
type pageAddress string

// parsePageAddress checks the template of an operator's.
func parsePageAddress(s string) (pageAddress, error) {
	if s == "" {
		return searchPage, nil
	}
	filled := pageAddress(s).of("1", "1", "1")
	u, err := url.Parse(filled)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || strings.ContainsAny(filled, "{} \n\r\t") {
		return "", fmt.Errorf("%w: %s: the address of a card's page must be a web address, in which only {card}, {person} and {query} stand for something",
			connector.ErrMisconfigured, System)
	}
	return pageAddress(s), nil
}

func (a pageAddress) of(card, person, query string) string {
	return strings.NewReplacer("{card}", escape(card), "{person}", escape(person), "{query}", escape(query)).Replace(string(a))
}

// escape makes a text safe in every place of an address.
func escape(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }

// line is the line that links the page of a person's card (SM6), or "" where nothing would lead there.
func (a pageAddress) line(person string, k *card) string {
	query := k.Email.value
	if query == "" {
		query = named(k.Company, k.LastName, k.FirstName)
	}
	if query == "" && strings.Contains(string(a), "{query}") || k.ID.value == "" && strings.Contains(string(a), "{card}") {
		return ""
	}
	return System + ": " + a.of(k.ID.value, person, query)
}
