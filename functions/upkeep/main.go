// Command upkeep is the Lambda function that a schedule calls every few minutes: it renews vendors' subscriptions, looks whether
// idle authorisations still stand, and sends mails that waited.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/aws/aws-lambda-go/lambda"

	"meibo/shared/app"
	"meibo/shared/cloud"
)

func main() {
	a, err := cloud.FromEnv(context.Background(), os.Getenv, os.Stdout)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	lambda.Start(handler(a))
}

// handler takes the schedule's event, which says nothing that upkeep needs.
func handler(a *app.App) func(context.Context) (app.Upkept, error) {
	return a.Upkeep
}
