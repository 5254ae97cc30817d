// What the programs in Go share: see workshop.py.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
)

var (
	gateway  = os.Getenv("AGENT_GATEWAY")
	model    = os.Getenv("AGENT_MODEL")
	prompt   = os.Getenv("AGENT_PROMPT")
	scenario = os.Getenv("AGENT_SCENARIO")
	api      = os.Getenv("AGENT_API")
	system   = "You are a careful programmer who reads before writing. " + strings.Repeat("Keep to the style of the file. ", 400)
)

type input struct {
	Path    string `json:"path"`
	Old     string `json:"old"`
	New     string `json:"new"`
	Command string `json:"command"`
}

type tool struct {
	name, description string
	arguments         []string
	call              func(input) string
}

var tools = []tool{
	{"read_file", "Return the text of a file.", []string{"path"}, readFile},
	{"edit_file", "Replace a text in a file.", []string{"path", "old", "new"}, func(in input) string {
		text := strings.ReplaceAll(readFile(in), in.Old, in.New)
		if err := os.WriteFile(in.Path, []byte(text), 0o600); err != nil {
			return err.Error()
		}
		return "edited"
	}},
	{"run", "Run a command of the shell, and return its output.", []string{"command"}, func(in input) string {
		output, err := exec.Command("sh", "-c", in.Command).CombinedOutput()
		return fmt.Sprintf("%s\n%v", output, err)
	}},
}

func readFile(in input) string {
	text, err := os.ReadFile(in.Path)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

func (t tool) schema() map[string]any {
	properties := map[string]any{}
	for _, name := range t.arguments {
		properties[name] = map[string]string{"type": "string"}
	}
	return map[string]any{"type": "object", "properties": properties, "required": t.arguments}
}

func execute(name, arguments string) string {
	var in input
	if err := json.Unmarshal([]byte(arguments), &in); err != nil {
		return err.Error()
	}
	for _, t := range tools {
		if t.name == name {
			return t.call(in)
		}
	}
	return "no such tool"
}

type driver struct {
	answer, stream, loop, models func() (string, error)
}

// do prints the result of the scenario's task; an error as its type and its text.
func do(d driver) {
	tasks := map[string]func() (string, error){
		"answer": d.answer, "retry": d.answer, "limited": d.answer, "stream": d.stream, "broken": d.stream,
		"loop": d.loop, "models": d.models,
	}
	text, err := tasks[scenario]()
	fmt.Println(text)
	if err != nil {
		fmt.Printf("%T: %v\n", err, err)
		os.Exit(3)
	}
}
