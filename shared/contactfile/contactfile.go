// Package contactfile reads address books that people exported: vCard 2.1 (versit), 3.0 (RFC 2426) and 4.0 (RFC 6350), and
// CSV with Google's or Outlook's column headings, into neutral records.
//
// It never drops anything in silence: what the neutral record has no field for is named in Entry.Unheld, and what cannot be
// read is a Problem with its file and line, after which reading goes on. Properties about the file rather than the person
// (VERSION, PRODID, REV, UID and the exporters' own identifiers) are not reported.
//
// The vCard grammar is read here and not by a library because the files that matter are not well-formed: bare 2.1 type
// parameters, quoted-printable and base64 in several foldings, one charset per property, escapes that must be undone only after a
// structured value is split, and errors that must carry a line number.
//
// Declared transforms, the only ways in which a value differs from the text of the file: charsets become UTF-8; line breaks
// become "\n"; white space around a value goes; lists in a name part are joined by spaces, in an address part and in suffixes by
// commas; several units of an organisation become one department; several notes of a card are joined by an empty line; a date loses its time; tel:, mailto: and messenger URIs lose
// their scheme; a card that has only a formatted name is split as SplitName says. The package imports record and nothing of
// HTTP, AWS or a vendor.
package contactfile

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"meibo/shared/record"
)

// MaxFile is the most bytes of one file that Read takes: everything is held in memory while it is read.
const MaxFile = 256 << 20

// Entry is one contact of a file.
type Entry struct {
	Record record.Record
	Groups []string // names of the groups, labels or categories that the contact is in, in the file's order
	Source string   // "file:line" where the contact begins
	// Unheld names what the file says and the record cannot hold: a property ("GENDER"), a property and why ("BDAY without a
	// day"), or a CSV heading. Values are not repeated, but for a photo's size and digest.
	Unheld []string
}

// Problem is something that could not be read and was skipped.
type Problem struct {
	File   string
	Line   int // 1 is the first; 0 when the whole file is meant
	Reason string
}

// String returns "file:line: reason".
func (p Problem) String() string {
	if p.Line == 0 {
		return p.File + ": " + p.Reason
	}
	return fmt.Sprintf("%s:%d: %s", p.File, p.Line, p.Reason)
}

// Read reads one file. The name's extension says what it is (.vcf or .vcard, .csv); without a known one the content decides. The error is
// for a file that cannot be read as a whole: reading failed, it is over MaxFile, it is neither format, or its CSV headings are of no
// known export.
func Read(name string, r io.Reader) (entries []Entry, problems []Problem, err error) {
	data, err := io.ReadAll(io.LimitReader(r, MaxFile+1))
	if err != nil {
		return nil, nil, fmt.Errorf("reading %s: %w", name, err)
	}
	if len(data) > MaxFile {
		return nil, nil, fmt.Errorf("%s is larger than %d MiB: split it into smaller files", name, MaxFile>>20)
	}
	data, err = fromUnicode(data)
	if err != nil {
		return nil, nil, fmt.Errorf("reading %s: %w", name, err)
	}
	switch strings.ToLower(filepath.Ext(name)) {
	case ".vcf", ".vcard":
		entries, problems = readVCards(name, data)
		return entries, problems, nil
	case ".csv":
		return readCSV(name, data)
	}
	if bytes.Contains(bytes.ToUpper(data[:min(len(data), 4096)]), []byte("BEGIN:VCARD")) {
		entries, problems = readVCards(name, data)
		return entries, problems, nil
	}
	return readCSV(name, data)
}

// ReadPath reads a file, or all .vcf, .vcard and .csv files of a folder and its subfolders in the order of their paths. A file
// of a folder that cannot be read is a Problem; for a path that names one file, and for a folder without such files, it is the
// error.
func ReadPath(path string) (entries []Entry, problems []Problem, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, nil, fmt.Errorf("contacts: %w", err)
	}
	if !info.IsDir() {
		return readFile(path)
	}
	files, err := listFolder(path)
	if err != nil {
		return nil, nil, err
	}
	if len(files) == 0 {
		return nil, nil, fmt.Errorf("contacts: %s holds no .vcf or .csv file", path)
	}
	for _, f := range files {
		es, ps, err := readFile(f)
		if err != nil {
			problems = append(problems, Problem{File: f, Reason: err.Error()})
			continue
		}
		entries = append(entries, es...)
		problems = append(problems, ps...)
	}
	return entries, problems, nil
}

func listFolder(path string) ([]string, error) {
	var files []string
	err := filepath.WalkDir(path, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if p != path && strings.HasPrefix(d.Name(), ".") { // editors' and file managers' leftovers
			if d.IsDir() {
				return filepath.SkipDir
			}
			return nil
		}
		switch strings.ToLower(filepath.Ext(p)) {
		case ".vcf", ".vcard", ".csv":
			if !d.IsDir() {
				files = append(files, p)
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("contacts: %w", err)
	}
	sort.Strings(files)
	return files, nil
}

func readFile(path string) ([]Entry, []Problem, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, fmt.Errorf("contacts: %w", err)
	}
	defer f.Close()
	return Read(path, f)
}
