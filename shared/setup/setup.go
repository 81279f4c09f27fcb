// Package setup makes what a connection needs at its two systems before it starts: the folder that holds its contacts in the address
// book (ZO4) and the fields that the CRM lacks (PD13). It works on connectors that somebody else has opened, and may import package
// tenancy, whose starts it serves.
package setup

import (
	"context"
	"encoding/hex"
	"fmt"

	"meibo/shared/connector"
	"meibo/shared/tenancy"
)

// markPurpose is what the digest of a folder's mark is derived for.
const markPurpose = "folder-mark"

// markBytes is how much of the digest a mark has: enough never to meet by chance, short enough for any vendor's property.
const markBytes = 16

// Mark returns the mark of the folder of a CRM account: the same for the same account of the tenant, however often it is connected
// again, and nothing to anybody without the tenant's key. Digest returns a key derived for purpose, under the tenant's key.
func Mark(digest func(purpose string, parts ...[]byte) [32]byte, crm tenancy.Account) string {
	sum := digest(markPurpose, []byte(crm.Tenant), []byte(crm.System), []byte(crm.Identity.AccountID))
	return hex.EncodeToString(sum[:markBytes])
}

// Chosen returns the connector for the options of a connection, by connector.Option.Key: one at whose vendor they decide which records
// are meant (connector.Chooser), or c itself. *connector.InvalidError for a value that is no choice.
func Chosen(c connector.Connector, options map[string]string) (connector.Connector, error) {
	if chooser, ok := c.(connector.Chooser); ok {
		return chooser.Choose(options)
	}
	return c, nil
}

// Prepare has the folder and the fields made that p asks for. What is there already, by its mark or its name, is found again, so
// that it can be repeated after it was cut off anywhere. The folder comes first: a name that somebody else's folder has is refused
// (*connector.DuplicateError) before anything is made. A CRM that takes no new fields keeps those that it has.
//
// Errors: those of the connectors.
func Prepare(ctx context.Context, crm, book connector.Connector, p tenancy.Preparation, mark string) (tenancy.Prepared, error) {
	var out tenancy.Prepared
	crm, err := Chosen(crm, p.Connection.Settings.CRMOptions)
	if err != nil {
		return out, err
	}
	if book, err = Chosen(book, p.Connection.Settings.BookOptions); err != nil {
		return out, err
	}
	if p.Profile.Folder != "" {
		groups, ok := book.(connector.GroupMaker)
		if !ok {
			return out, fmt.Errorf("setup: the profile %s keeps a folder, and %s cannot make one", p.Profile.Name, p.Book.System)
		}
		g, err := groups.MakeGroup(ctx, p.Profile.Folder, mark)
		if err != nil {
			return out, fmt.Errorf("making the folder %q: %w", p.Profile.Folder, err)
		}
		if g.ID == "" { // without it the connection would take the whole book for its own
			return out, fmt.Errorf("making the folder %q: %w: %s did not say which it is", p.Profile.Folder, connector.ErrTransient, p.Book.System)
		}
		out.Folder = g.ID
	}
	fields, ok := crm.(connector.FieldMaker)
	if !ok {
		return out, nil
	}
	for _, f := range p.Make {
		made, err := fields.MakeField(ctx, f)
		if err != nil {
			return out, fmt.Errorf("making the field %q: %w", f.Key, err)
		}
		out.Fields = append(out.Fields, made)
	}
	return out, nil
}
