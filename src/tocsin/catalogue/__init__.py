"""What the rules look for: functions over rules, without any I/O.

* `stages`: a rule in stages, one for each event that it asks for
* `indicators`: a stage's condition as fields, kinds and values
* `fields`: vendors' names of fields in ECS
* `counts`: how many rules look for the same thing
* `tree`: a condition as lines, or as plain data
* `page`: everything that there is to show about one rule
* `find`: which rule somebody means
* `lint`: what is wrong with a rule that loads
"""
