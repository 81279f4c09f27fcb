package contactfile

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/text/encoding"
	"golang.org/x/text/unicode/norm"
)

// maxRowLines is how many lines one row may take, with its line breaks inside quotes. A quote that is never closed is found after so
// many, and reading goes on in the next line.
const maxRowLines = 500

// readCSV reads a file whose first row has the headings of an export that it knows.
func readCSV(name string, data []byte) ([]Entry, []Problem, error) {
	rows := &rowReader{lines: splitLines(data)}
	rows.decode(guess(data))
	headings, line, ok, err := rows.next()
	if !ok || err != nil {
		return nil, nil, fmt.Errorf("%s has no row of headings: is it a CSV export of Google Contacts or Outlook?", name)
	}
	cols, ok := understand(headings)
	if !ok {
		return nil, nil, fmt.Errorf("%s:%d: the headings are neither Google Contacts' nor Outlook's (English or Japanese)", name, line)
	}
	var entries []Entry
	var problems []Problem
	for {
		row, line, ok, err := rows.next()
		if !ok {
			return entries, problems, nil
		}
		if err == nil {
			row, err = fit(row, len(headings))
		}
		if err != nil {
			problems = append(problems, Problem{File: name, Line: line, Reason: "line skipped: " + err.Error()})
			continue
		}
		e := cols.read(row)
		if len(e.Record.Fields) == 0 {
			problems = append(problems, Problem{File: name, Line: line, Reason: "line skipped: it holds nothing of a contact"})
			continue
		}
		e.Source = fmt.Sprintf("%s:%d", name, line)
		entries = append(entries, e)
	}
}

// fit refuses rows with fewer or more fields than there are headings, since their values may stand under wrong ones. Empty
// fields at the end are no harm.
func fit(row []string, n int) ([]string, error) {
	for len(row) > n && row[len(row)-1] == "" {
		row = row[:len(row)-1]
	}
	if len(row) != n {
		return nil, fmt.Errorf("it has %d fields, the headings are %d", len(row), n)
	}
	return row, nil
}

// commaOf finds the separator in the headings: a comma, or the semicolon or tab of other locales.
func commaOf(head []byte) rune {
	best, most := ',', bytes.Count(head, []byte(","))
	for _, c := range []rune{';', '\t'} {
		if n := bytes.Count(head, []byte(string(c))); n > most {
			best, most = c, n
		}
	}
	return best
}

// rowReader cuts a file into rows by counting quotes, so that a broken row costs only itself, and gives each to encoding/csv.
type rowReader struct {
	lines []physical
	bad   map[int]bool // lines by index whose bytes are not of the file's charset
	at    int
	comma rune
}

// decode turns the lines into UTF-8. All charsets that guess knows have line breaks where ASCII has them.
func (r *rowReader) decode(enc encoding.Encoding) {
	r.bad = map[int]bool{}
	for i, l := range r.lines {
		text, err := decode(enc, l.text)
		if err != nil {
			r.bad[i] = true
			continue
		}
		r.lines[i].text = []byte(text)
	}
	if len(r.lines) > 0 {
		r.comma = commaOf(r.lines[0].text)
	}
}

// next returns the next row that is not blank, and the number of its first line.
func (r *rowReader) next() (row []string, line int, ok bool, err error) {
	for r.at < len(r.lines) && len(bytes.TrimSpace(r.lines[r.at].text)) == 0 {
		r.at++
	}
	if r.at == len(r.lines) {
		return nil, 0, false, nil
	}
	first := r.at
	line = r.lines[first].no
	quotes, end := 0, first
	for ; end < len(r.lines) && end-first < maxRowLines; end++ {
		quotes += bytes.Count(r.lines[end].text, []byte(`"`))
		if quotes%2 == 0 {
			break
		}
	}
	if quotes%2 != 0 {
		r.at = first + 1
		return nil, line, true, errors.New("a quote is opened and not closed")
	}
	var chunk []byte
	for i := first; i <= end; i++ {
		if r.bad[i] {
			r.at = i + 1
			return nil, r.lines[i].no, true, errors.New("it is not text in the charset of the rest of the file")
		}
		chunk = append(append(chunk, r.lines[i].text...), '\n')
	}
	c := csv.NewReader(bytes.NewReader(chunk))
	c.Comma = r.comma
	c.FieldsPerRecord = -1
	row, err = c.Read()
	if err != nil {
		r.at = first + 1 // a stray quote may have swallowed whole rows: try the next line
		return nil, line, true, errors.New("its quotes are not in order")
	}
	if _, err := c.Read(); err == nil {
		r.at = first + 1
		return nil, line, true, errors.New("its quotes are not in order")
	}
	r.at = end + 1
	return row, line, true, nil
}

// heading brings a column's heading into the form in which the tables have it: compatibility forms, case and white space do not
// count.
func heading(s string) string {
	return strings.ToLower(strings.Join(strings.Fields(norm.NFKC.String(s)), ""))
}
