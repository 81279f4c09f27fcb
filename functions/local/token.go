package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"meibo/shared/clock"
	"meibo/shared/devissuer"
)

// The built-in issuer's place in the data folder, under the origin, and its one client.
const (
	issuerKeyFile = "signin.json"
	issuerPath    = "/signin"
	issuerClient  = "meibo-local"
)

// firstPerson can sign in without further ado.
var firstPerson = devissuer.Person{Subject: "hanako@example.jp", Email: "hanako@example.jp", Name: "山田 花子"}

// openIssuer opens the built-in issuer of a data folder, as served at origin.
func openIssuer(data, origin string) (*devissuer.Issuer, error) {
	return devissuer.Open(devissuer.Config{
		Issuer: origin + issuerPath, ClientID: issuerClient, RedirectURIs: []string{origin + "/"},
		People: []devissuer.Person{firstPerson}, KeyFile: filepath.Join(data, issuerKeyFile), Clock: clock.Real{},
	})
}

// token prints a token for a person, signed with the key in the data folder: whoever can read that file may be anybody here.
func token(_ context.Context, args []string, out, errs io.Writer) error {
	fs := flag.NewFlagSet("token", flag.ContinueOnError)
	fs.SetOutput(errs)
	data := fs.String("data", defaultData(), "data `folder` of serve")
	addr := fs.String("addr", defaultAddr, "`address` of serve")
	name := fs.String("name", "", "the person's name")
	if err := fs.Parse(args); err != nil {
		return err
	}
	email := firstPerson.Email
	switch fs.NArg() {
	case 0:
		if *name == "" {
			*name = firstPerson.Name
		}
	case 1:
		email = fs.Arg(0)
	default:
		return fmt.Errorf("give one e-mail address")
	}
	if _, err := os.Stat(filepath.Join(*data, issuerKeyFile)); err != nil {
		return fmt.Errorf("%s has no sign-in key yet: run serve with --data %s first", *data, *data)
	}
	i, err := openIssuer(*data, "http://"+*addr)
	if err != nil {
		return err
	}
	t, err := i.Token(email, email, *name)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(out, t)
	return err
}
