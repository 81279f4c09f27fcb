// Package deploy reads template.yaml, the AWS SAM template, as far as its tests need it: that every function, route, queue and policy of
// the template fits the code beside it, and README.md both. Running code does not import it.
package deploy
