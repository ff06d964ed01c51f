# `make book` builds the book, `make serve` shows it, `make test` runs everything that CI runs.
PYTHON ?= python3
RUN = .venv/bin/python

.PHONY: book serve test check screens stills environment clean

book: environment
	@$(RUN) tools/build_book.py

serve: book
	@$(RUN) tools/serve.py

test: environment
	@$(RUN) tools/run_tests.py all

check: environment
	@$(RUN) tools/run_tests.py commit

screens: book
	@$(RUN) tools/screens.py

stills: book
	@$(RUN) tools/screens.py --stills

environment:
	@$(PYTHON) tools/environment.py

clean:
	rm -rf _build _screens
