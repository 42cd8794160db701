package main

// pages calls next with page tokens, from the first page to the last.
func pages(next func(token string) (string, error)) error {
	token := ""
	for {
		var err error
		if token, err = next(token); err != nil || token == "" {
			return err
		}
	}
}
