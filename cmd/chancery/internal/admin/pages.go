package admin

// all calls next with page tokens, from the first page to the last, and returns what
// the pages have.
func all[T any](next func(token string) (page []T, after string, err error)) ([]T, error) {
	var list []T
	for token := ""; ; {
		page, after, err := next(token)
		if err != nil {
			return nil, err
		}
		list = append(list, page...)
		if after == "" {
			return list, nil
		}
		token = after
	}
}
