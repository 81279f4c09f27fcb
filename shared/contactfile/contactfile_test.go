package contactfile_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/unicode"

	"meibo/shared/contactfile"
	"meibo/shared/record"
)

// show writes an entry as sorted lines: "key: text {part=text} [label] *".
func show(e contactfile.Entry) string {
	var lines []string
	for k, vs := range e.Record.Fields {
		for i, v := range vs {
			line := fmt.Sprintf("%s#%d: %s", k, i, v.Text)
			var parts []string
			for p, s := range v.Parts {
				parts = append(parts, fmt.Sprintf("%s=%s", p, s))
			}
			sort.Strings(parts)
			if len(parts) > 0 {
				line += fmt.Sprintf("{%s}", strings.Join(parts, "|"))
			}
			if v.Label != "" {
				line += " [" + v.Label + "]"
			}
			if v.Primary {
				line += " *"
			}
			lines = append(lines, strings.ReplaceAll(line, "\n", "⏎"))
		}
	}
	sort.Strings(lines)
	if len(e.Groups) > 0 {
		lines = append(lines, "groups: "+strings.Join(e.Groups, " | "))
	}
	if len(e.Unheld) > 0 {
		lines = append(lines, "unheld: "+strings.Join(e.Unheld, " | "))
	}
	return strings.Join(lines, "\n")
}

func read(t *testing.T, name string) ([]contactfile.Entry, []contactfile.Problem) {
	t.Helper()
	es, ps, err := contactfile.ReadPath(filepath.Join("testdata", name))
	if err != nil {
		t.Fatalf("reading %s: %v", name, err)
	}
	return es, ps
}

func same(t *testing.T, got contactfile.Entry, want string) {
	t.Helper()
	if g := show(got); g != strings.TrimSpace(want) {
		t.Errorf("%s: got\n%s\nwant\n%s", got.Source, g, strings.TrimSpace(want))
	}
}

func TestCards(t *testing.T) {
	for _, c := range []struct {
		file string
		want []string
	}{
		{"phone-2.1-sjis.vcf", []string{`
address#0: {postal=150-0001|street=東京都渋谷区神宮前１－２－３} [home]
birthday#0: 1980-03-21
email#0: Taro.Omote@example.jp [mobile]
name.family#0: 表
name.given#0: 太郎
name.phonetic_family#0: ｵﾓﾃ
name.phonetic_given#0: ﾀﾛｳ
note#0: 一行目⏎二行目
org.department#0: 開発;試験部
org.name#0: 株式会社ソフト能力
phone#0: 09012345678 [mobile]
phone#1: 03-5555-0100 [work_fax]
phone#2: 03-5555-0199 [home]
unheld: PHOTO (42 bytes, sha256 ef1955ae757c) | X-GN | X-CLASS | AGENT`}},
		{"apple-3.0.vcf", []string{`
address#0: {city=千代田区|country=日本|country_code=JP|postal=100-0005|region=東京都|street=丸の内1-2-3⏎青葉ビル3F} [work] *
birthday#0: --02-29
email#0: hanako@example.jp [work]
email#1: Hanako.Y@example.com [home] *
event#0: 2010-11-03 [anniversary] *
im#0: hanako@example.com{service=google_talk} [home] *
im#1: hana1{service=aim} [home]
name.family#0: 山田
name.given#0: 花子
name.phonetic_family#0: ヤマダ
name.phonetic_given#0: ハナコ
note#0: 一行目⏎二行目, comma; semicolon: colon\ backslash⏎⏎another note
org.department#0: 営業本部, 第一営業部
org.name#0: 青葉商事株式会社
phone#0: +81 3-5555-0123 [assistant]
phone#1: ０９０－１２３４－５６７８ [社用] *
phone#2: 080-1111-2222 [mobile]
relation#0: 太一 [spouse]
url#0: https://example.jp/~hanako,home [home_page]
url#1: https://social.example.com/hanako [twitter]
groups: 取引先 | VIP, gold | 家族
unheld: X-PHONETIC-ORG | X-SOCIALPROFILE`, `
org.name#0: 青葉商事株式会社
phone#0: 03-5555-0100 [main]`, `
email#0: jl@example.org
name.family#0: van der Berg
name.given#0: Jean
name.middle#0: Luc
name.prefix#0: Dr.
name.suffix#0: Jr.
unheld: EMAIAL`}},
		{"rfc-4.0.vcf", []string{`
address#0: {city=渋谷区|country=日本|country_code=JP|postal=150-0001|region=東京都|street=神宮前1-2-3, 2F} [home]
birthday#0: --02-03
email#0: mari@example.jp *
event#0: 2009-08-08 [anniversary]
im#0: mari@example.jp{service=jabber} [work]
name.family#0: 太田
name.given#0: 真理
name.middle#0: Philip Paul
name.phonetic_family#0: オオタ
name.phonetic_given#0: マリ
name.prefix#0: Dr.
name.suffix#0: Jr., M.D.
nickname#0: マリ
nickname#1: Maz
note#0: folded⏎ here and here
phone#0: +81-3-5555-0111 ext. 12 [home]
phone#1: +81-90-5555-0112 [work_mobile] *
relation#0: 太郎 [spouse]
url#0: https://example.org/a;b,c [home]
unheld: another FN | FN in another language | ADR components after the seventh | ADR LABEL | ADR GEO | ANNIVERSARY time of day | ` +
			`RELATED | PHOTO (44 bytes as a data URI, sha256 1d5180e71268) | GENDER | TZ`}},
	} {
		t.Run(c.file+" is read whole", func(t *testing.T) {
			es, ps := read(t, c.file)
			if len(ps) > 0 {
				t.Errorf("problems %v, want none", ps)
			}
			if len(es) != len(c.want) {
				t.Fatalf("%d entries, want %d", len(es), len(c.want))
			}
			for i := range es {
				same(t, es[i], c.want[i])
			}
		})
	}
}

func TestTables(t *testing.T) {
	for _, c := range []struct {
		file string
		want []string
	}{
		{"google-old.csv", []string{`
address#0: {city=渋谷区|country=日本|postal=150-0001|region=東京都|street=神宮前1-2-3} [work]
birthday#0: --03-21
custom:社員番号#0: 00042
email#0: hanako@example.jp [work] *
email#1: h2@example.jp [work]
email#2: hanako@example.com [home]
event#0: 2010-11-03 [anniversary]
im#0: hanako.t{service=google_talk} [home]
name.family#0: 山田
name.given#0: 花子
name.phonetic_family#0: ヤマダ
name.phonetic_given#0: ハナコ
nickname#0: はなちゃん
note#0: 一行目⏎二行目, "quoted"
org.department#0: 営業部
org.name#0: 青葉商事
org.title#0: 部長
phone#0: 090-1234-5678 [mobile]
phone#1: 080-0000-1111 [mobile]
relation#0: 太一 [spouse]
url#0: https://example.jp/ [home_page]
groups: 取引先 | VIP
unheld: Organization 1 - Yomi Name`, `
org.name#0: Acme Inc.
phone#0: +1 555 0100 [Custom Label]`, `
email#0: solo@example.com [other]
name.family#0: Name
name.given#0: Solo
unheld: Birthday that is not a day of a year`}},
		{"google-new.csv", []string{`
address#0: Calle Mayor 1⏎28013 Madrid
birthday#0: 1980-03-21
custom:Shoe size#0: 42
email#0: jose@example.com [home] *
name.family#0: Núñez
name.given#0: José
name.prefix#0: Dr.
org.department#0: R&D
org.name#0: Northwind
org.title#0: Buyer
phone#0: +34 900 555 010 [work_fax]
groups: friends | Clients
unheld: Photo (a link)`}},
		{"outlook-en.csv", []string{outlookEnglish}},
		{"outlook-ja.csv", []string{outlookJapanese}},
	} {
		t.Run(c.file+" is read whole", func(t *testing.T) {
			es, ps := read(t, c.file)
			if len(ps) > 0 {
				t.Errorf("problems %v, want none", ps)
			}
			if len(es) != len(c.want) {
				t.Fatalf("%d entries, want %d", len(es), len(c.want))
			}
			for i := range es {
				same(t, es[i], c.want[i])
			}
		})
	}
}

const (
	outlookEnglish = `
address#0: {city=Austin|country=United States of America|postal=78701|region=TX|street=1 Main St⏎Floor 2} [work]
address#1: {city=Austin|street=5 Side St} [home]
birthday#0: 1980-03-21
email#0: zoe@example.com [work]
email#1: z@example.net [other]
name.family#0: O'Brien
name.given#0: Zoë
name.middle#0: A.
name.prefix#0: Ms.
note#0: first line⏎second line
org.department#0: R&D
org.name#0: Acme, Inc.
org.title#0: VP
phone#0: +1 512 555 0101 [work_fax]
phone#1: +1 512 555 0102 [work]
phone#2: +1 512 555 0103 [work]
relation#0: Pat [assistant]
relation#1: Sam [spouse]
url#0: https://example.com/ [work]
groups: Clients | VIP
unheld: User 1`
	outlookJapanese = `
address#0: {city=千代田区|country=日本|postal=100-0005|region=東京都|street=丸の内1-2-3⏎青葉ビル３Ｆ} [work]
birthday#0: 1980-03-21
email#0: taro@example.jp [work]
email#1: taro2@example.jp [other]
name.family#0: 山田
name.given#0: 太郎
name.phonetic_family#0: ヤマダ
name.phonetic_given#0: タロウ
note#0: 一行目⏎二行目
org.department#0: 営業部
org.name#0: 株式会社青葉
org.title#0: 部長
phone#0: 03-5555-0101 [work_fax]
phone#1: 03-5555-0100 [work]
phone#2: ０９０－１２３４－５６７８ [mobile]
relation#0: 花子 [spouse]
groups: 得意先 | 関東
unheld: 身分証明番号`
)

func TestCharsets(t *testing.T) {
	utf16 := func(e unicode.Endianness) encoding.Encoding { return unicode.UTF16(e, unicode.UseBOM) }
	for name, c := range map[string]struct {
		file, want string
		enc        encoding.Encoding
	}{
		"Shift_JIS":                      {"outlook-ja.csv", outlookJapanese, japanese.ShiftJIS},
		"UTF-16 little endian with mark": {"outlook-ja.csv", outlookJapanese, utf16(unicode.LittleEndian)},
		"UTF-16 big endian with mark":    {"outlook-ja.csv", outlookJapanese, utf16(unicode.BigEndian)},
		"UTF-8 with mark":                {"outlook-ja.csv", outlookJapanese, unicode.UTF8BOM},
		"Windows-1252":                   {"outlook-en.csv", outlookEnglish, charmap.Windows1252},
	} {
		t.Run(name+" is recognised", func(t *testing.T) {
			text, err := os.ReadFile(filepath.Join("testdata", c.file))
			if err != nil {
				t.Fatal(err)
			}
			raw, err := c.enc.NewEncoder().Bytes(text)
			if err != nil {
				t.Fatal(err)
			}
			es, ps, err := contactfile.Read("book.csv", bytes.NewReader(raw))
			if err != nil || len(ps) > 0 || len(es) != 1 {
				t.Fatalf("%d entries, problems %v, error %v; want one entry", len(es), ps, err)
			}
			same(t, es[0], c.want)
		})
	}
	t.Run("a card without a charset in Shift_JIS is recognised", func(t *testing.T) {
		raw, err := japanese.ShiftJIS.NewEncoder().String("BEGIN:VCARD\r\nVERSION:2.1\r\nN:能登;ソフィア\r\nEND:VCARD\r\n")
		if err != nil {
			t.Fatal(err)
		}
		es, ps, err := contactfile.Read("card.vcf", strings.NewReader(raw))
		if err != nil || len(ps) > 0 || len(es) != 1 {
			t.Fatalf("%d entries, problems %v, error %v; want one entry", len(es), ps, err)
		}
		same(t, es[0], "name.family#0: 能登\nname.given#0: ソフィア")
	})
}

func TestBrokenLines(t *testing.T) {
	for _, c := range []struct {
		file     string
		names    []string
		problems []string
	}{
		{"broken.vcf", []string{"First Person", "Second Person"}, []string{
			"1: text outside of a card skipped: expected BEGIN:VCARD",
			"6: line skipped: it has no colon between a property and its value",
			"8: line skipped: PHOTO is not valid base64",
			`9: line skipped: NOTE: its charset "KLINGON" is not known`,
			"10: line skipped: it has no property name",
			"13: card skipped: it has no END:VCARD before the next card begins",
			"21: END:VCARD without a card",
			"22: card skipped: it holds nothing of a contact",
			"26: card skipped: it has no END:VCARD",
		}},
		{"broken.csv", []string{"Ann First", "Cid Third", "Fay Sixth"}, []string{
			"3: line skipped: its quotes are not in order",
			"5: line skipped: it has 3 fields, the headings are 4",
			"6: line skipped: a quote is opened and not closed",
			"7: line skipped: it holds nothing of a contact",
		}},
	} {
		t.Run(c.file+": broken lines are named and the rest is read", func(t *testing.T) {
			es, ps := read(t, c.file)
			var names, problems []string
			for _, e := range es {
				names = append(names, e.Record.Fields.First(record.NameGiven)+" "+e.Record.Fields.First(record.NameFamily))
			}
			for _, p := range ps {
				problems = append(problems, strings.TrimPrefix(p.String(), filepath.Join("testdata", c.file)+":"))
			}
			if got, want := strings.Join(names, "\n"), strings.Join(c.names, "\n"); got != want {
				t.Errorf("got entries\n%s\nwant\n%s", got, want)
			}
			if got, want := strings.Join(problems, "\n"), strings.Join(c.problems, "\n"); got != want {
				t.Errorf("got problems\n%s\nwant\n%s", got, want)
			}
		})
	}
}

func TestCSVQuoteNeverClosed(t *testing.T) {
	text := "First Name,Last Name\n\"Ann,First\n" + strings.Repeat("Bea,Second\n", 2000)
	es, ps, err := contactfile.Read("book.csv", strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if len(es) != 2000 || len(ps) != 1 || ps[0].Line != 2 {
		t.Errorf("got %d entries and problems %v, want 2000 and one in line 2", len(es), ps)
	}
}

func TestCSVBrokenBytes(t *testing.T) {
	text := "First Name,Last Name\n花子,山田\nA\xffB,Broken\n太郎,山田\n"
	for name, enc := range map[string]encoding.Encoding{"UTF-8": unicode.UTF8, "Shift_JIS": japanese.ShiftJIS} {
		t.Run("a line of other bytes in a file of "+name+" is named and the rest is read", func(t *testing.T) {
			var raw []byte
			for _, line := range strings.SplitAfter(text, "\n") {
				if strings.Contains(line, "Broken") {
					raw = append(raw, line...)
					continue
				}
				encoded, err := enc.NewEncoder().String(line)
				if err != nil {
					t.Fatal(err)
				}
				raw = append(raw, strings.Repeat(encoded, 30)...)
			}
			headings, rest, _ := bytes.Cut(raw, []byte("\n"))
			rest = bytes.TrimPrefix(rest, bytes.Repeat(append(headings, '\n'), 29))
			es, ps, err := contactfile.Read("book.csv", bytes.NewReader(append(append(headings, '\n'), rest...)))
			if err != nil {
				t.Fatal(err)
			}
			if len(es) != 60 || len(ps) != 1 || ps[0].Line != 32 {
				t.Fatalf("got %d entries and problems %v, want 60 and one in line 32", len(es), ps)
			}
			if got := es[0].Record.Fields.First(record.NameFamily); got != "山田" {
				t.Errorf("family name %q, want 山田", got)
			}
		})
	}
}

func TestSources(t *testing.T) {
	es, _ := read(t, "apple-3.0.vcf")
	if got, want := es[1].Source, filepath.Join("testdata", "apple-3.0.vcf")+":35"; got != want {
		t.Errorf("source %q, want %q", got, want)
	}
	es, _ = read(t, "google-old.csv")
	if got, want := es[1].Source, filepath.Join("testdata", "google-old.csv")+":4"; got != want {
		t.Errorf("source after a row of two lines is %q, want %q", got, want)
	}
}

func TestWholeFileErrors(t *testing.T) {
	for name, c := range map[string]struct{ file, text, want string }{
		"unknown headings":        {"x.csv", "a,b,c\n1,2,3\n", "neither Google Contacts' nor Outlook's"},
		"an empty table":          {"x.csv", "", "no row of headings"},
		"neither format":          {"x.txt", "hello\n", "neither Google Contacts' nor Outlook's"},
		"headings with bad quote": {"x.csv", "\"First Name\n", "no row of headings"},
	} {
		t.Run(name+" is an error that says so", func(t *testing.T) {
			_, _, err := contactfile.Read(c.file, strings.NewReader(c.text))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got error %v, want one with %q", err, c.want)
			}
		})
	}
	t.Run("an absent path is an error", func(t *testing.T) {
		if _, _, err := contactfile.ReadPath("testdata/absent"); err == nil {
			t.Error("got no error")
		}
	})
}

func TestFolder(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"b.vcf":         "BEGIN:VCARD\nVERSION:3.0\nFN:Bea\nEND:VCARD\n",
		"a/z.csv":       "First Name,Last Name\nAda,Last\n",
		"c.CSV":         "no,headings\n1,2\n",
		"readme.txt":    "not a book",
		".hidden/x.vcf": "BEGIN:VCARD\nVERSION:3.0\nFN:Hidden\nEND:VCARD\n",
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	es, ps, err := contactfile.ReadPath(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Run("books come in the order of their paths, hidden ones not at all", func(t *testing.T) {
		if len(es) != 2 || es[0].Record.Fields.First(record.NameGiven) != "Ada" || es[1].Record.Fields.First(record.NameGiven) != "Bea" {
			t.Errorf("got %v, want Ada and Bea", es)
		}
	})
	t.Run("a file that is no book is a problem, not the end", func(t *testing.T) {
		if len(ps) != 1 || !strings.HasSuffix(ps[0].File, "c.CSV") || ps[0].Line != 0 {
			t.Errorf("got problems %v, want one for c.CSV", ps)
		}
	})
	t.Run("a folder without books is an error", func(t *testing.T) {
		if _, _, err := contactfile.ReadPath(t.TempDir()); err == nil {
			t.Error("got no error")
		}
	})
}

func TestSplitName(t *testing.T) {
	for full, want := range map[string]string{
		"山田 太郎":                "family=山田 given=太郎",
		"山田　太郎":                "family=山田 given=太郎",
		"山田太郎":                 "family=山田太郎",
		"김 철수":                 "family=김 given=철수",
		"John Doe":             "family=Doe given=John",
		"Doe, John Q.":         "family=Doe given=John middle=Q.",
		"Dr. Anna Maria Rossi": "family=Rossi given=Anna middle=Maria prefix=Dr.",
		"John Doe, Jr.":        "family=Doe given=John suffix=Jr.",
		"Vincent van Gogh":     "family=van Gogh given=Vincent",
		"Cher":                 "given=Cher",
		"Dr.":                  "given=Dr.",
		",":                    "given=,",
		"":                     "",
	} {
		t.Run(full, func(t *testing.T) {
			var got []string
			for k, vs := range contactfile.SplitName(full) {
				got = append(got, strings.TrimPrefix(string(k), "name.")+"="+vs[0].Text)
			}
			sort.Strings(got)
			if g := strings.Join(got, " "); g != want {
				t.Errorf("SplitName(%q) = %q, want %q", full, g, want)
			}
		})
	}
}
