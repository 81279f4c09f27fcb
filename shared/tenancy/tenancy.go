// Package tenancy holds companies and people: tenants, members and their permissions, external accounts and their claims, and
// connections with their states (SPEC sections 1 and 9). It decides; package httpapi translates.
//
// Everything is stored under its tenant. What belongs to another tenant and what does not exist give the same ErrNotFound.
package tenancy

import (
	"time"

	"meibo/shared/connector"
	"meibo/shared/profile"
)

// Tenant is a company that uses Meibo.
type Tenant struct {
	ID       string         `json:"id"`
	Name     string         `json:"name"`
	Settings TenantSettings `json:"settings"`
	Created  time.Time      `json:"created"`
	// V is the version of the stored item.
	V int64 `json:"-"`
}

// TenantSettings are what an admin sets for all connections of the tenant.
type TenantSettings struct {
	// Region is where phone numbers without a country code are read: ISO 3166-1 alpha-2.
	Region string `json:"region"`
	// Language of mails and messages: "ja" or "en".
	Language string `json:"language"`
	// Caps bound every run of the tenant's connections; zero means no cap (ZG9).
	Caps profile.Caps `json:"caps"`
	// Budget is how much one side may lose before a run asks (BX4).
	Budget profile.Budget `json:"budget"`
	// ApproveFirst makes first runs wait for approval of their counts.
	ApproveFirst bool `json:"approve_first"`
}

// Role of a member.
type Role string

// The roles. An admin has every permission.
const (
	Admin   Role = "admin"
	Regular Role = "member"
)

// Permission is what an admin lets a member do in Meibo.
type Permission string

// The permissions. SyncContacts is SPEC ZG6's "Google contacts sync", for whichever book; ViewContacts, CreateContacts,
// EditContacts and DeleteContacts are about the CRM's records, and what a connection needs of them depends on its direction.
const (
	SyncContacts   Permission = "contacts.sync"
	ViewContacts   Permission = "contacts.view"
	CreateContacts Permission = "contacts.create"
	EditContacts   Permission = "contacts.edit"
	DeleteContacts Permission = "contacts.delete"
	// AddCompanies is needed beside CreateContacts where the CRM keeps companies as records of their own (PD2).
	AddCompanies  Permission = "companies.create"
	ManageMembers Permission = "members.manage"
)

// Member is a person of a tenant.
type Member struct {
	ID          string       `json:"id"`
	Tenant      string       `json:"tenant"`
	Issuer      string       `json:"issuer,omitempty"`  // of the sign-in; empty until the person first signs in
	Subject     string       `json:"subject,omitempty"` // at the issuer
	Email       string       `json:"email"`
	Name        string       `json:"name"`
	Role        Role         `json:"role"`
	Permissions []Permission `json:"permissions"`
	Created     time.Time    `json:"created"`
	// V is the version of the stored item.
	V int64 `json:"-"`
}

// AccountState says whether an account's authorisation works.
type AccountState string

// The account states.
const (
	AccountActive      AccountState = "active"
	AccountNeedsReauth AccountState = "needs_reauth"
)

// Account is an external account that a member has authorised. Its token is stored sealed, beside it.
type Account struct {
	ID       string             `json:"id"`
	Tenant   string             `json:"tenant"`
	Member   string             `json:"member"`
	System   string             `json:"system"`
	Side     profile.Side       `json:"side"`
	Identity connector.Identity `json:"identity"`
	State    AccountState       `json:"state"`
	Created  time.Time          `json:"created"`
	// V is the version of the stored item.
	V int64 `json:"-"`
}

// State of a connection.
type State string

// The connection states of SPEC section 9.
const (
	Draft         State = "draft"
	Authorizing   State = "authorizing"
	Ready         State = "ready"
	Active        State = "active"
	Paused        State = "paused"
	NeedsReauth   State = "needs_reauth"
	NeedsApproval State = "needs_approval"
	Stopped       State = "stopped"
	Deleted       State = "deleted"
)

// Connection is a member's pairing of one CRM account with one address-book account.
type Connection struct {
	ID     string `json:"id"`
	Tenant string `json:"tenant"`
	Member string `json:"member"`
	// CRM and Book are account ids; empty in a draft.
	CRM   string `json:"crm"`
	Book  string `json:"book"`
	State State  `json:"state"`
	// Reason says, in a sentence for people, why the state is what it is; empty when there is nothing to say.
	Reason   string   `json:"reason,omitempty"`
	Settings Settings `json:"settings"`
	// Folder is the id of the group that Meibo made in the book for this connection; "" if it made none (ZO4).
	Folder string `json:"folder,omitempty"`
	// Sole is the sort key of the item that keeps the book account for this connection while it is live; "" if its profile shares
	// accounts (PD9).
	Sole    string    `json:"sole,omitempty"`
	Created time.Time `json:"created"`
	Updated time.Time `json:"updated"`
	// V is the version of the stored item.
	V int64 `json:"-"`
}

// Settings are what a person chooses for a connection. They are a draft until the connection is started (PD15); changed later,
// they hold from the next run on (PD7).
type Settings struct {
	// CRMGroups and BookGroups are the lists and groups in scope; empty means everything. New records in the book are put
	// into the first book group (ZG11).
	CRMGroups  []string `json:"crm_groups"`
	BookGroups []string `json:"book_groups"`
	// CRMOptions and BookOptions are choices of the vendors' own, by connector.Option.Key.
	CRMOptions  map[string]string `json:"crm_options,omitempty"`
	BookOptions map[string]string `json:"book_options,omitempty"`
	Rules       profile.Rules     `json:"rules"`
	// Every is the frequency in minutes (ZG4).
	Every int `json:"every"`
}
