// OpenAI's SDK: Chat Completions and Responses.
package main

import (
	"context"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/responses"
)

var (
	ctx    = context.Background()
	client = openai.NewClient(option.WithBaseURL(gateway+"/v1"), option.WithAPIKey("unused"))
)

func chatRequest() openai.ChatCompletionNewParams {
	return openai.ChatCompletionNewParams{
		Model:    model,
		Messages: []openai.ChatCompletionMessageParamUnion{openai.SystemMessage(system), openai.UserMessage(prompt)},
	}
}

func answerChat() (string, error) {
	completion, err := client.Chat.Completions.New(ctx, chatRequest())
	if err != nil {
		return "", err
	}
	return completion.Choices[0].Message.Content, nil
}

func streamChat() (string, error) {
	text := ""
	stream := client.Chat.Completions.NewStreaming(ctx, chatRequest())
	for stream.Next() {
		for _, choice := range stream.Current().Choices {
			text += choice.Delta.Content + "|"
		}
	}
	return text, stream.Err()
}

func loopChat() (string, error) {
	request := chatRequest()
	for _, t := range tools {
		function := openai.FunctionDefinitionParam{Name: t.name, Description: openai.String(t.description), Parameters: t.schema()}
		request.Tools = append(request.Tools, openai.ChatCompletionFunctionTool(function))
	}
	for {
		completion, err := client.Chat.Completions.New(ctx, request)
		if err != nil {
			return "", err
		}
		message := completion.Choices[0].Message
		if len(message.ToolCalls) == 0 {
			return message.Content, nil
		}
		request.Messages = append(request.Messages, message.ToParam())
		for _, call := range message.ToolCalls {
			result := execute(call.Function.Name, call.Function.Arguments)
			request.Messages = append(request.Messages, openai.ToolMessage(result, call.ID))
		}
	}
}

func responsesRequest() responses.ResponseNewParams {
	return responses.ResponseNewParams{
		Model:        model,
		Instructions: openai.String(system),
		Input:        responses.ResponseNewParamsInputUnion{OfString: openai.String(prompt)},
	}
}

func answerResponses() (string, error) {
	response, err := client.Responses.New(ctx, responsesRequest())
	if err != nil {
		return "", err
	}
	return response.OutputText(), nil
}

func streamResponses() (string, error) {
	text := ""
	stream := client.Responses.NewStreaming(ctx, responsesRequest())
	for stream.Next() {
		if event := stream.Current(); event.Type == "response.output_text.delta" {
			text += event.Delta + "|"
		}
	}
	return text, stream.Err()
}

func list() (string, error) {
	text := ""
	pages := client.Models.ListAutoPaging(ctx)
	for pages.Next() {
		text += pages.Current().ID + "|"
	}
	return text, pages.Err()
}

func main() {
	if api == "chat" {
		do(driver{answer: answerChat, stream: streamChat, loop: loopChat, models: list})
	} else {
		do(driver{answer: answerResponses, stream: streamResponses, models: list})
	}
}
