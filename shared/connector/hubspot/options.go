package hubspot

import (
	"meibo/shared/connector"
)

// The options of a connection: the lifecycle stage of contacts that Meibo adds or changes (HD6), and whether they are put to the record of
// the company that they name.
const (
	OptionStage     = "lifecyclestage"
	OptionCompanies = "companies"
)

// The choices of OptionCompanies.
const (
	CompaniesText      = "text"
	CompaniesAssociate = "associate"
)

func (c *Connector) options(cat *catalogue) []connector.Option {
	var out []connector.Option
	if p, ok := cat.byName[propStage]; ok && len(p.Options) > 0 {
		stage := connector.Option{Key: OptionStage, Name: p.called(), Choices: []connector.Choice{{Value: "", Name: "Leave as it is"}}}
		for _, o := range p.Options {
			if !o.Hidden && o.Value != "" {
				stage.Choices = append(stage.Choices, connector.Choice{Value: o.Value, Name: o.Label})
			}
		}
		out = append(out, stage)
	}
	return append(out, connector.Option{Key: OptionCompanies, Name: "Companies", Default: CompaniesText, Choices: []connector.Choice{
		{Value: CompaniesText, Name: "The name only"}, {Value: CompaniesAssociate, Name: "Associate the company record"},
	}})
}

// promote returns the stage to write to a contact that is at now, or "": a stage is only ever moved forward, in the order in which the
// account has them, and a contact at a stage that nobody knows is left there.
func (cat *catalogue) promote(now, wanted string) string {
	if wanted == "" || wanted == now {
		return ""
	}
	at, to := -1, -1
	for i, o := range cat.byName[propStage].Options {
		if o.Value == now {
			at = i
		}
		if o.Value == wanted {
			to = i
		}
	}
	if to < 0 || now != "" && (at < 0 || at > to) {
		return ""
	}
	return wanted
}
