package smtp_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"

	"meibo/shared/notify"
	"meibo/shared/notify/smtp"
)

// server is an SMTP server that takes mails as RFC 5321 says, or refuses receivers with refuse.
type server struct {
	net.Listener
	refuse string
	mu     sync.Mutex
	got    []string
}

func listen(t *testing.T, refuse string) *server {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &server{Listener: l, refuse: refuse}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go s.talk(c)
		}
	}()
	return s
}

func (s *server) talk(c net.Conn) {
	defer c.Close()
	r := bufio.NewReader(c)
	fmt.Fprint(c, "220 mail.example ready\r\n")
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		switch verb := strings.ToUpper(strings.Fields(line + " x")[0]); verb {
		case "EHLO":
			fmt.Fprint(c, "250-mail.example\r\n250 8BITMIME\r\n")
		case "RCPT":
			if s.refuse != "" {
				fmt.Fprint(c, s.refuse+"\r\n")
				continue
			}
			fmt.Fprint(c, "250 ok\r\n")
		case "DATA":
			fmt.Fprint(c, "354 go on\r\n")
			var b strings.Builder
			for {
				line, err := r.ReadString('\n')
				if err != nil || line == ".\r\n" {
					break
				}
				b.WriteString(line)
			}
			s.mu.Lock()
			s.got = append(s.got, b.String())
			s.mu.Unlock()
			fmt.Fprint(c, "250 taken\r\n")
		case "QUIT":
			fmt.Fprint(c, "221 bye\r\n")
			return
		default:
			fmt.Fprint(c, "250 ok\r\n")
		}
	}
}

func TestSend(t *testing.T) {
	send := func(t *testing.T, s *server, m notify.Mail) error {
		t.Helper()
		c, err := smtp.New("smtp://"+s.Addr().String(), "meibo@example.com")
		if err != nil {
			t.Fatal(err)
		}
		return c.Send(context.Background(), m)
	}
	t.Run("the server gets the mail", func(t *testing.T) {
		s := listen(t, "")
		if err := send(t, s, notify.Mail{To: "hanako@example.jp", Subject: "再接続", Text: "hello"}); err != nil {
			t.Fatal(err)
		}
		if len(s.got) != 1 || !strings.Contains(s.got[0], "hanako@example.jp") || !strings.Contains(s.got[0], "hello") {
			t.Errorf("got %q", s.got)
		}
	})
	t.Run("a receiver who does not exist is refused for good, and not named", func(t *testing.T) {
		err := send(t, listen(t, "550 5.1.1 hanako@example.jp unknown"), notify.Mail{To: "hanako@example.jp", Subject: "s", Text: "t"})
		if !errors.Is(err, notify.ErrRefused) || strings.Contains(err.Error(), "hanako") {
			t.Errorf("got %v, want ErrRefused without the name", err)
		}
	})
	t.Run("a server that is busy may take it later", func(t *testing.T) {
		err := send(t, listen(t, "451 4.3.2 try later"), notify.Mail{To: "hanako@example.jp", Subject: "s", Text: "t"})
		if err == nil || errors.Is(err, notify.ErrRefused) {
			t.Errorf("got %v, want an error that may pass", err)
		}
	})
	t.Run("what is no address is refused", func(t *testing.T) {
		err := send(t, listen(t, ""), notify.Mail{To: "x\r\nBcc: y@example.com", Subject: "s", Text: "t"})
		if !errors.Is(err, notify.ErrRefused) {
			t.Errorf("got %v, want ErrRefused", err)
		}
	})
}

func TestNew(t *testing.T) {
	for _, address := range []string{"", "mail.example.com", "https://mail.example.com", "smtp://"} {
		if _, err := smtp.New(address, "meibo@example.com"); err == nil {
			t.Errorf("%q: got no error", address)
		}
	}
	if _, err := smtp.New("smtps://u:p@mail.example.com", "nobody"); err == nil {
		t.Error("a sender that is no address: got no error")
	}
}
