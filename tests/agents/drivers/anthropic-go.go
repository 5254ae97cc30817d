// Anthropic's SDK, with its tool runner.
package main

import (
	"context"
	"encoding/json"

	"github.com/anthropics/anthropic-sdk-go/v2"
	"github.com/anthropics/anthropic-sdk-go/v2/option"
	"github.com/anthropics/anthropic-sdk-go/v2/toolrunner"
)

var (
	ctx    = context.Background()
	client = anthropic.NewClient(option.WithBaseURL(gateway+"/anthropic"), option.WithAPIKey("unused"))
)

func request() anthropic.MessageNewParams {
	return anthropic.MessageNewParams{
		Model:     anthropic.Model(model),
		MaxTokens: 1000,
		System:    []anthropic.TextBlockParam{{Text: system, CacheControl: anthropic.NewCacheControlEphemeralParam()}},
		Messages:  []anthropic.MessageParam{anthropic.NewUserMessage(anthropic.NewTextBlock(prompt))},
	}
}

func answer() (string, error) {
	message, err := client.Messages.New(ctx, request())
	if err != nil {
		return "", err
	}
	return message.Content[0].Text, nil
}

func stream() (string, error) {
	text := ""
	events := client.Messages.NewStreaming(ctx, request())
	for events.Next() {
		if event := events.Current(); event.Type == "content_block_delta" {
			text += event.Delta.Text + "|"
		}
	}
	return text, events.Err()
}

func runnerTool(t tool) (anthropic.BetaTool, error) {
	schema, err := json.Marshal(t.schema())
	if err != nil {
		return nil, err
	}
	call := func(_ context.Context, in input) (anthropic.BetaToolResultBlockParamContentUnion, error) {
		text := &anthropic.BetaTextBlockParam{Text: t.call(in)}
		return anthropic.BetaToolResultBlockParamContentUnion{OfText: text}, nil
	}
	return toolrunner.NewBetaToolFromBytes(t.name, t.description, schema, call)
}

func loop() (string, error) {
	runnable := []anthropic.BetaTool{}
	for _, t := range tools {
		one, err := runnerTool(t)
		if err != nil {
			return "", err
		}
		runnable = append(runnable, one)
	}
	cached := anthropic.BetaTextBlockParam{Text: system, CacheControl: anthropic.NewBetaCacheControlEphemeralParam()}
	last, err := client.Beta.Messages.NewToolRunner(runnable, anthropic.BetaToolRunnerParams{
		BetaMessageNewParams: anthropic.BetaMessageNewParams{
			Model:     anthropic.Model(model),
			MaxTokens: 1000,
			System:    []anthropic.BetaTextBlockParam{cached},
			Messages:  []anthropic.BetaMessageParam{anthropic.NewBetaUserMessage(anthropic.NewBetaTextBlock(prompt))},
		},
		MaxIterations: 10,
	}).RunToCompletion(ctx)
	if err != nil {
		return "", err
	}
	return last.Content[0].Text, nil
}

func models() (string, error) {
	text := ""
	pages := client.Models.ListAutoPaging(ctx, anthropic.ModelListParams{})
	for pages.Next() {
		text += pages.Current().ID + "|"
	}
	return text, pages.Err()
}

func main() {
	do(driver{answer: answer, stream: stream, loop: loop, models: models})
}
